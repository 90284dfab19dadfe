//! Where the RSA keys come from that charts ask for.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use spacecraft_core::secret::SecretBytes;

/// The sizes of RSA keys that template functions make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RsaSize {
    /// 2048 bits, as `genCA` and `genSignedCert` make them.
    Bits2048,
    /// 4096 bits, as `genPrivateKey` makes them.
    Bits4096,
}

/// A source of private RSA keys, which take long to find.
pub trait RsaKeys: fmt::Debug + Send + Sync {
    /// A private key, as PKCS #8 in DER.
    ///
    /// # Errors
    /// A message if none can be had; the rendering fails with it.
    fn key(&self, size: RsaSize) -> Result<SecretBytes, String>;
}

/// Finds every key anew, by the randomness of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct NewRsaKeys;

impl RsaKeys for NewRsaKeys {
    fn key(&self, size: RsaSize) -> Result<SecretBytes, String> {
        let size = match size {
            RsaSize::Bits2048 => KeySize::Rsa2048,
            RsaSize::Bits4096 => KeySize::Rsa4096,
        };
        let key = KeyPair::generate(size).map_err(|error| error.to_string())?;
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).map_err(|error| error.to_string())?;
        Ok(SecretBytes::new(der.as_ref()))
    }
}
