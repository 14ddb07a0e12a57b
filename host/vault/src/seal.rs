//! The envelope: a random data key per record version, AES-256-GCM twice, both bound to the record.
//!
//! Associated data of both seals, each part led by its length: `"toolkeep-v1"`, tenant, user, connector,
//! name, record version, key id, what is sealed (`key` or `secret`), and the record's visible details.
//! A record, or one column of it, that was put elsewhere does not open.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{constant_time, rand};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::connection::ConnectionKey;
use crate::error::VaultError;
use crate::master_key::{MasterKey, random_key};

/// The namespace of the keys that only this crate uses.
const DOMAIN: &str = "toolkeep-v1 vault";
/// GCM's tag, in bytes.
const TAG_BYTES: usize = 16;

/// The key-encryption key and its public name.
pub(crate) struct KeyEncryptionKey {
    id: String,
    check: [u8; 32],
    key: LessSafeKey,
}

/// A sealed credential as it is stored. Each part is nonce ‖ ciphertext ‖ tag.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    /// Which key-encryption key wrapped the data key. Keys are chosen by this, never by trial: GCM does
    /// not commit to a key.
    pub(crate) key_id: String,
    pub(crate) wrapped_key: Vec<u8>,
    pub(crate) secret: Vec<u8>,
}

/// What a seal is bound to.
pub(crate) struct Binding<'a> {
    pub(crate) key: &'a ConnectionKey,
    pub(crate) version: u64,
    pub(crate) details: &'a [u8],
}

impl KeyEncryptionKey {
    /// The first version of the key; a rotated one gets another label and so another id.
    pub(crate) fn derive(master: &MasterKey) -> Result<Self, VaultError> {
        let id: String = hex::encode(*master.expand(DOMAIN, "key-encryption key 1 id")).chars().take(16).collect();
        Ok(Self {
            id,
            check: *master.expand(DOMAIN, "key-encryption key 1 check"),
            key: aead_key(&master.expand(DOMAIN, "key-encryption key 1"))?,
        })
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// A value that shows the key is the right one and helps nobody to find it.
    pub(crate) fn check(&self) -> &[u8; 32] {
        &self.check
    }

    pub(crate) fn matches(&self, id: &str, check: &[u8]) -> bool {
        id == self.id && constant_time::verify_slices_are_equal(check, &self.check).is_ok()
    }

    pub(crate) fn seal(&self, binding: &Binding<'_>, secret: &[u8]) -> Result<Sealed, VaultError> {
        let data_key = random_key()?;
        Ok(Sealed {
            key_id: self.id.clone(),
            wrapped_key: seal(&self.key, &binding.associated_data(&self.id, b"key"), data_key.as_slice())?,
            secret: seal(&aead_key(&data_key)?, &binding.associated_data(&self.id, b"secret"), secret)?,
        })
    }

    /// Opens a seal; `None` when it was changed, moved, or made by another key.
    pub(crate) fn open(&self, binding: &Binding<'_>, sealed: &Sealed) -> Option<SecretString> {
        if sealed.key_id != self.id {
            return None;
        }
        let opened = open(&self.key, &binding.associated_data(&self.id, b"key"), &sealed.wrapped_key)?;
        let data_key: &[u8; 32] = opened.as_slice().try_into().ok()?;
        let secret = open(&aead_key(data_key).ok()?, &binding.associated_data(&self.id, b"secret"), &sealed.secret)?;
        Some(SecretString::from(std::str::from_utf8(&secret).ok()?))
    }
}

impl Binding<'_> {
    fn associated_data(&self, key_id: &str, purpose: &[u8]) -> Vec<u8> {
        let version = self.version.to_be_bytes();
        let parts: [&[u8]; 9] = [
            b"toolkeep-v1",
            self.key.tenant.as_str().as_bytes(),
            self.key.user.as_str().as_bytes(),
            self.key.connector.as_bytes(),
            self.key.name.as_bytes(),
            &version,
            key_id.as_bytes(),
            purpose,
            self.details,
        ];
        length_prefixed(&parts)
    }
}

/// Joins parts so that no two different lists of parts give the same bytes.
pub(crate) fn length_prefixed(parts: &[&[u8]]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(parts.iter().map(|part| part.len().saturating_add(8)).sum());
    for part in parts {
        joined.extend_from_slice(&(part.len() as u64).to_be_bytes());
        joined.extend_from_slice(part);
    }
    joined
}

fn aead_key(bytes: &[u8; 32]) -> Result<LessSafeKey, VaultError> {
    let key = UnboundKey::new(&AES_256_GCM, bytes)
        .map_err(|_| VaultError::unavailable("use a key", "AES-256-GCM refused it"))?;
    Ok(LessSafeKey::new(key))
}

fn seal(key: &LessSafeKey, associated: &[u8], plain: &[u8]) -> Result<Vec<u8>, VaultError> {
    let failed = |_| VaultError::unavailable("seal a secret", "AES-256-GCM or the random generator failed");
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).map_err(failed)?;
    // Room for everything from the start: a vector that grows would leave plain text behind in freed memory.
    let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + TAG_BYTES);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    let (_, body) = sealed.split_at_mut(NONCE_LEN);
    let tag = key
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(associated), body)
        .map_err(failed)?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

fn open(key: &LessSafeKey, associated: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
    let mut plain = Zeroizing::new(body.to_vec());
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let length = key.open_in_place(nonce, Aad::from(associated), plain.as_mut_slice()).ok()?.len();
    plain.truncate(length);
    Some(plain)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what failed by panicking")]
    use super::*;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    fn kek() -> KeyEncryptionKey {
        KeyEncryptionKey::derive(&MasterKey::from_bytes(&[3; 32])).unwrap()
    }

    fn key(parts: &[String; 4]) -> Option<ConnectionKey> {
        Some(ConnectionKey {
            tenant: parts[0].parse().ok()?,
            user: parts[1].parse().ok()?,
            connector: parts[2].clone(),
            name: parts[3].clone(),
        })
    }

    #[test]
    fn every_change_of_a_sealed_byte_is_seen() {
        let kek = kek();
        let key = key(&["a", "b", "c", "d"].map(str::to_owned)).unwrap();
        let binding = Binding { key: &key, version: 1, details: b"{}" };
        let sealed = kek.seal(&binding, b"secret").unwrap();
        assert_eq!(kek.open(&binding, &sealed).unwrap().expose_secret(), "secret");
        for at in 0..sealed.secret.len() {
            let mut changed = sealed.clone();
            changed.secret[at] ^= 1;
            assert!(kek.open(&binding, &changed).is_none(), "secret byte {at}");
        }
        for at in 0..sealed.wrapped_key.len() {
            let mut changed = sealed.clone();
            changed.wrapped_key[at] ^= 1;
            assert!(kek.open(&binding, &changed).is_none(), "key byte {at}");
        }
        for short in 0..sealed.secret.len() {
            let cut = Sealed { secret: sealed.secret[..short].to_vec(), ..sealed.clone() };
            assert!(kek.open(&binding, &cut).is_none(), "cut to {short}");
        }
        let swapped =
            Sealed { wrapped_key: sealed.secret.clone(), secret: sealed.wrapped_key.clone(), ..sealed.clone() };
        assert!(kek.open(&binding, &swapped).is_none());
        assert!(kek.open(&Binding { version: 2, ..binding }, &sealed).is_none());
        let binding = Binding { key: &key, version: 1, details: b"{\"base\":\"https://evil.example\"}" };
        assert!(kek.open(&binding, &sealed).is_none());
    }

    #[test]
    fn two_seals_of_one_secret_share_nothing() {
        let kek = kek();
        let key = key(&["a", "b", "c", "d"].map(str::to_owned)).unwrap();
        let binding = Binding { key: &key, version: 1, details: b"{}" };
        let (one, two) = (kek.seal(&binding, b"secret").unwrap(), kek.seal(&binding, b"secret").unwrap());
        assert_ne!(one.secret[..NONCE_LEN], two.secret[..NONCE_LEN]);
        assert_ne!(one.secret[NONCE_LEN..], two.secret[NONCE_LEN..]);
        let mixed = Sealed { secret: two.secret, ..one };
        assert!(kek.open(&binding, &mixed).is_none(), "a secret opens with its own data key only");
    }

    // Few letters, so that runs such as ("ab", "c") and ("a", "bc") come up all the time.
    const ODD: &str = "[a/:\u{e9}|]{1,3}";

    proptest! {
        #[test]
        fn a_seal_opens_under_its_own_identity_only(
            from in [ODD, ODD, ODD, ODD],
            to in [ODD, ODD, ODD, ODD],
        ) {
            let (Some(from), Some(to)) = (key(&from), key(&to)) else { return Ok(()) };
            let kek = kek();
            let sealed = kek.seal(&Binding { key: &from, version: 1, details: b"" }, b"s").unwrap();
            let opened = kek.open(&Binding { key: &to, version: 1, details: b"" }, &sealed);
            prop_assert_eq!(opened.is_some(), from == to);
        }

        #[test]
        fn joining_is_unambiguous(a in prop::collection::vec("[ab]{0,3}", 0..5), b in prop::collection::vec("[ab]{0,3}", 0..5)) {
            let join = |parts: &Vec<String>| length_prefixed(&parts.iter().map(String::as_bytes).collect::<Vec<_>>());
            prop_assert_eq!(join(&a) == join(&b), a == b);
        }
    }
}
