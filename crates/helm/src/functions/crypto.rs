//! Hashes, password hashes and encryption.

use std::rc::Rc;

use aws_lc_rs::cipher::{
    AES_256, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rand::RngCore as _;
use sha1::Digest as _;
use spacecraft_gotemplate::{CallError, Function, Functions, Type, Value};

use super::Surroundings;
use super::encoding::decode_base64;

/// The cost that Go's bcrypt has by default.
const BCRYPT_COST: u32 = 10;
const BLOCK: usize = 16;

pub(super) fn add(functions: &mut Functions, surroundings: &Rc<Surroundings>) {
    let mut hash = |name, digest: fn(&[u8]) -> String| {
        functions.insert(name, Function::new(&[Type::String], move |call| Ok(digest(call.bytes(0)).into())));
    };
    hash("sha1sum", |bytes| hex::encode(sha1::Sha1::digest(bytes)));
    hash("sha256sum", |bytes| hex::encode(sha2::Sha256::digest(bytes)));
    hash("sha512sum", |bytes| hex::encode(sha2::Sha512::digest(bytes)));
    hash("adler32sum", adler32);
    add_bcrypt(functions, surroundings);
    add_aes(functions, surroundings);
}

fn adler32(bytes: &[u8]) -> String {
    const MODULUS: u32 = 65_521;
    let (low, high) = bytes.iter().fold((1u32, 0u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % MODULUS;
        (low, (high + low) % MODULUS)
    });
    (high << 16 | low).to_string()
}

fn add_bcrypt(functions: &mut Functions, surroundings: &Rc<Surroundings>) {
    let source = Rc::clone(surroundings);
    functions.insert(
        "bcrypt",
        Function::new(&[Type::String], move |call| {
            call.takes_long(super::SLOW_STEPS)?;
            Ok(bcrypt_hash(call.bytes(0), &source).into())
        }),
    );
    let source = Rc::clone(surroundings);
    functions.insert(
        "htpasswd",
        Function::new(&[Type::String, Type::String], move |call| {
            let name = call.text(0);
            if name.contains(':') {
                return Ok(format!("invalid username: {name}").into());
            }
            call.takes_long(super::SLOW_STEPS)?;
            Ok(format!("{name}:{}", bcrypt_hash(call.bytes(1), &source)).into())
        }),
    );
}

/// The hash, or, as in sprig, the error as text.
fn bcrypt_hash(password: &[u8], surroundings: &Surroundings) -> String {
    if password.len() > 72 {
        let problem = "bcrypt: password length exceeds 72 bytes";
        return format!("failed to encrypt string with bcrypt: {problem}");
    }
    let mut salt = [0; 16];
    surroundings.random.borrow_mut().fill_bytes(&mut salt);
    match bcrypt::hash_with_salt(password, BCRYPT_COST, salt) {
        Ok(parts) => parts.format_for_version(bcrypt::Version::TwoA),
        Err(error) => format!("failed to encrypt string with bcrypt: {error}"),
    }
}

fn add_aes(functions: &mut Functions, surroundings: &Rc<Surroundings>) {
    let source = Rc::clone(surroundings);
    functions.insert(
        "encryptAES",
        Function::new(&[Type::String, Type::String], move |call| {
            let mut vector = [0; BLOCK];
            source.random.borrow_mut().fill_bytes(&mut vector);
            let mut text = call.bytes(1).to_vec();
            encrypt(call.bytes(0), vector, &mut text).ok_or_else(|| CallError::new("encryption failed"))?;
            Ok(STANDARD.encode([vector.as_slice(), &text].concat()).into())
        }),
    );
    functions.insert(
        "decryptAES",
        Function::new(&[Type::String, Type::String], |call| {
            let packed = decode_base64(call.bytes(1)).map_err(CallError::new)?;
            let problem = || CallError::new("crypto/cipher: input not full blocks");
            let (vector, text) = packed.split_first_chunk::<BLOCK>().ok_or_else(problem)?;
            decrypt(call.bytes(0), *vector, text.to_vec()).map(Value::text).ok_or_else(problem)
        }),
    );
}

fn cipher_key(password: &[u8]) -> Option<UnboundCipherKey> {
    let mut key = [0; 32];
    for (place, byte) in key.iter_mut().zip(password) {
        *place = *byte;
    }
    UnboundCipherKey::new(&AES_256, &key).ok()
}

fn encrypt(password: &[u8], vector: [u8; BLOCK], text: &mut Vec<u8>) -> Option<()> {
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(cipher_key(password)?).ok()?;
    key.less_safe_encrypt(text, EncryptionContext::Iv128(vector.into())).ok()?;
    Some(())
}

fn decrypt(password: &[u8], vector: [u8; BLOCK], mut text: Vec<u8>) -> Option<Vec<u8>> {
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(cipher_key(password)?).ok()?;
    let plain = key.decrypt(&mut text, DecryptionContext::Iv128(vector.into())).ok()?;
    Some(plain.to_vec())
}
