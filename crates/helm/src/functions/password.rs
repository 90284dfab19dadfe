//! `derivePassword`: a site's password from a master password, by the Master Password algorithm.

use aws_lc_rs::hmac;
use spacecraft_gotemplate::{Call, CallResult, Function, Functions, Type};

const SCOPE: &str = "com.lyndir.masterpassword";

pub(super) fn add(functions: &mut Functions) {
    functions.insert(
        "derivePassword",
        Function::new(&[Type::Int, Type::String, Type::String, Type::String, Type::String], derive),
    );
}

/// The shapes a password of a type can have; each letter stands for a class of characters.
fn templates(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        "long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        "medium" => &["CvcnoCvc", "CvcCvcno"],
        "short" => &["Cvcn"],
        "basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        "pin" => &["nnnn"],
        _ => return None,
    })
}

fn class(letter: char) -> &'static str {
    match letter {
        'V' => "AEIOU",
        'C' => "BCDFGHJKLMNPQRSTVWXYZ",
        'v' => "aeiou",
        'c' => "bcdfghjklmnpqrstvwxyz",
        'A' => "AEIOUBCDFGHJKLMNPQRSTVWXYZ",
        'a' => "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        'n' => "0123456789",
        'o' => "@&%?,=[]_:-+*$#!'^~;()/.",
        _ => "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

fn derive(call: &Call<'_>) -> CallResult {
    call.takes_long(2 * super::SLOW_STEPS)?;
    let (kind, password, user, site) = (call.text(1), call.bytes(2), call.bytes(3), call.bytes(4));
    let Some(templates) = templates(&kind) else {
        return Ok(format!("cannot find password template {kind}").into());
    };
    let salt = [SCOPE.as_bytes(), &length_of(user), user].concat();
    let mut key = [0; 64];
    let parameters = scrypt::Params::new(15, 8, 2, 64);
    let derived =
        parameters.is_ok_and(|parameters| scrypt::scrypt(password, &salt, &parameters, &mut key).is_ok());
    if !derived {
        return Ok("failed to derive password".into());
    }
    let counter = u32::try_from(call.int(0)).unwrap_or(0).to_be_bytes();
    let message = [SCOPE.as_bytes(), &length_of(site), site, &counter].concat();
    let seed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &message);
    Ok(shaped(seed.as_ref(), templates).into())
}

fn length_of(text: &[u8]) -> [u8; 4] {
    u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes()
}

fn shaped(seed: &[u8], templates: &[&str]) -> String {
    let Some((first, rest)) = seed.split_first() else { return String::new() };
    let template = templates.get(usize::from(*first) % templates.len()).copied().unwrap_or_default();
    let pick = |(letter, byte): (char, &u8)| {
        let characters = class(letter);
        characters.chars().nth(usize::from(*byte) % characters.len())
    };
    template.chars().zip(rest).filter_map(pick).collect()
}
