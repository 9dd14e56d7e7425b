//! The store of a distribution, in a directory of the test's own.

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use countersign::tenant::http::{Client, Failure, Misbehaviour, Response, Roots, Store};

use crate::server::{Authority, Identity, Server, config};
use crate::{assert_fails, post, settings};

/// A store like Debian's: links named after hashes, to certificates that are elsewhere.
pub struct Shelf {
    place: PathBuf,
    hashed: PathBuf,
    bundle: PathBuf,
}

impl Shelf {
    pub fn new(name: &str) -> Shelf {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("store").join(name);
        let _ = fs::remove_dir_all(&place);
        let shelf = Shelf { hashed: place.join("hashed"), bundle: place.join("bundle.pem"), place };
        fs::create_dir_all(&shelf.hashed).unwrap();
        fs::set_permissions(&shelf.hashed, Permissions::from_mode(0o755)).unwrap();
        shelf
    }

    /// A file that is no one else's to write.
    fn write(&self, path: &Path, pem: &str) {
        fs::write(path, pem).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    }

    /// Puts a root where OpenSSL would look for it; gives the file.
    fn shelve(&self, root: &Authority) -> PathBuf {
        self.shelve_pem(&root.pem())
    }

    pub fn shelve_pem(&self, pem: &str) -> PathBuf {
        let name = hash(pem).expect("no certificate for openssl");
        self.shelve_as(&name, pem)
    }

    /// Puts a file where OpenSSL would look for roots whose name has this hash.
    pub fn shelve_as(&self, hash: &str, pem: &str) -> PathBuf {
        let count = fs::read_dir(&self.place).unwrap().count();
        let file = self.place.join(format!("{count}.crt"));
        self.write(&file, pem);
        let twin =
            (0..).find(|twin| !self.hashed.join(format!("{hash}.{twin}")).is_symlink()).unwrap();
        symlink(&file, self.hashed.join(format!("{hash}.{twin}"))).unwrap();
        file
    }

    pub fn place(&self) -> &Path {
        &self.place
    }

    fn link(&self) -> PathBuf {
        fs::read_dir(&self.hashed).unwrap().next().unwrap().unwrap().path()
    }

    pub fn store(&self) -> Store {
        let owner = fs::metadata(&self.place).unwrap().uid();
        Store::at(
            vec![self.place.join("absent"), self.hashed.clone()],
            vec![self.bundle.clone()],
            owner,
        )
    }
}

/// The hash of the first certificate's name, if openssl(1) can read that.
#[expect(clippy::disallowed_methods, reason = "a test asks the openssl program")]
pub fn hash(pem: &str) -> Option<String> {
    let mut command = Command::new("openssl");
    command.args(["x509", "-noout", "-hash"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::null()).spawn().expect("openssl is needed for this test");
    child.stdin.take().unwrap().write_all(pem.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

/// A post to a server with this identity, by a client that trusts this store.
fn visit(roots: Roots, identity: Identity) -> Result<Response, Failure> {
    let config = config(identity);
    let server = Server::play(move |listener| {
        let mut peer = listener.tls(&config);
        if peer.try_request().is_some() {
            peer.reply("{}");
        }
    });
    let result = post(&mut Client::new(&settings(roots)).unwrap(), &server.url());
    server.done();
    result
}

fn chained(by: &Authority, more: &[&Authority]) -> Identity {
    let mut identity = by.identity(&["127.0.0.1"], |_| {});
    identity.chain.extend(more.iter().map(|authority| authority.der()));
    identity
}

#[test]
fn the_root_of_a_chain_is_found_by_its_hash() {
    let shelf = Shelf::new("chain");
    let root = Authority::new("Root  \u{c4}\u{d6}");
    let middle = root.intermediate("middle");
    shelf.shelve(&Authority::new("another"));
    shelf.shelve(&root);
    let short = visit(Roots::Store(shelf.store()), chained(&root, &[]));
    assert_eq!(short.unwrap().status, 200);
    let long = visit(Roots::Store(shelf.store()), chained(&middle, &[&middle]));
    assert_eq!(long.unwrap().status, 200);
    assert_fails!(
        visit(Roots::Store(shelf.store()), chained(&middle, &[])),
        Failure::Misbehaved(Misbehaviour::Certificate, _)
    );
    assert_fails!(
        visit(Roots::Store(shelf.store()), chained(&Authority::new("stranger"), &[])),
        Failure::Misbehaved(Misbehaviour::Certificate, _)
    );
}

#[test]
fn two_roots_of_one_name_are_both_tried() {
    let shelf = Shelf::new("twins");
    let (old, new) = (Authority::new("twin"), Authority::new("twin"));
    shelf.shelve(&old);
    shelf.shelve(&new);
    assert_eq!(fs::read_dir(&shelf.hashed).unwrap().count(), 2);
    for root in [&old, &new] {
        assert_eq!(visit(Roots::Store(shelf.store()), chained(root, &[])).unwrap().status, 200);
    }
    let stranger = Authority::new("twin");
    let result = visit(Roots::Store(shelf.store()), chained(&stranger, &[]));
    assert_fails!(result, Failure::Misbehaved(Misbehaviour::Certificate, _));
}

/// The new root is sent along, signed by the old one, for those who do not know it yet.
#[test]
fn a_chain_that_was_signed_across_ends_at_the_root_that_is_there() {
    let (old, new) = (Authority::new("old root"), Authority::new("new root"));
    let middle = new.intermediate("middle");
    let identity = || {
        let mut identity = chained(&middle, &[&middle]);
        identity.chain.push(new.signed_across(&old));
        identity
    };
    for (name, present) in [("across-old", &old), ("across-new", &new)] {
        let shelf = Shelf::new(name);
        shelf.shelve(present);
        assert_eq!(visit(Roots::Store(shelf.store()), identity()).unwrap().status, 200, "{name}");
    }
}

#[test]
fn the_bundle_is_read_where_the_directory_has_nothing() {
    let shelf = Shelf::new("bundle");
    let root = Authority::new("bundled");
    let others: String = (0..50).map(|n| Authority::new(&n.to_string()).pem()).collect();
    shelf.write(&shelf.bundle, &format!("# a comment\n{others}{}", root.pem()));
    assert_eq!(visit(Roots::Store(shelf.store()), chained(&root, &[])).unwrap().status, 200);
    fs::remove_dir(&shelf.hashed).unwrap();
    assert_eq!(visit(Roots::Store(shelf.store()), chained(&root, &[])).unwrap().status, 200);
    let result = visit(Roots::Store(shelf.store()), chained(&Authority::new("stranger"), &[]));
    assert_fails!(result, Failure::Misbehaved(Misbehaviour::Certificate, _));
}

/// Spoils a store that would do, in some way, and sees that it does no more.
fn is_refused(name: &str, spoil: impl FnOnce(&Shelf, &Path)) {
    let shelf = Shelf::new(name);
    let root = Authority::new("root");
    let file = shelf.shelve(&root);
    assert_eq!(visit(Roots::Store(shelf.store()), chained(&root, &[])).unwrap().status, 200);
    spoil(&shelf, &file);
    let result = visit(Roots::Store(shelf.store()), chained(&root, &[]));
    assert_fails!(result, Failure::Misbehaved(Misbehaviour::Certificate, _));
}

#[test]
fn files_in_doubt_are_not_trusted() {
    let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    is_refused("group", |_, file| mode(file, 0o664));
    is_refused("others", |_, file| mode(file, 0o646));
    is_refused("directory", |shelf, _| mode(&shelf.hashed, 0o777));
    is_refused("large", |_, file| {
        let pem = fs::read_to_string(file).unwrap();
        fs::write(file, format!("{}{pem}", " \n".repeat(32 * 1024))).unwrap();
    });
    is_refused("dangling", |_, file| fs::remove_file(file).unwrap());
    is_refused("garbage", |_, file| {
        fs::write(file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap()
    });
    is_refused("folder", |shelf, _| {
        let link = shelf.link();
        fs::remove_file(&link).unwrap();
        fs::create_dir(&link).unwrap();
    });
    is_refused("misfiled", |_, file| fs::write(file, Authority::new("other").pem()).unwrap());
}

/// Opening a pipe without a writer would wait for ever.
#[test]
fn a_pipe_in_the_place_of_a_root_is_not_waited_for() {
    is_refused("pipe", |_, file| {
        fs::remove_file(file).unwrap();
        let path = std::ffi::CString::new(file.to_str().unwrap()).unwrap();
        // SAFETY: the path ends in NUL.
        assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o644) }, 0);
    });
}

#[test]
fn a_store_of_somebody_else_is_not_trusted() {
    let shelf = Shelf::new("owner");
    let root = Authority::new("root");
    shelf.shelve(&root);
    shelf.write(&shelf.bundle, &root.pem());
    let stranger = File::open(&shelf.place).unwrap().metadata().unwrap().uid() + 1;
    let store = Store::at(vec![shelf.hashed.clone()], vec![shelf.bundle.clone()], stranger);
    let result = visit(Roots::Store(store), chained(&root, &[]));
    assert_fails!(result, Failure::Misbehaved(Misbehaviour::Certificate, _));
}

#[test]
fn the_systems_own_store_does_not_know_an_authority_of_a_test() {
    let result = visit(Roots::System, chained(&Authority::new("ours"), &[]));
    assert_fails!(result, Failure::Misbehaved(Misbehaviour::Certificate, _));
}
