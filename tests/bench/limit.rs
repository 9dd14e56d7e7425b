//! The limit: a PAM module that does the three requests of a login on rustls and ring, and nothing
//! else.
//!
//! It trusts every reply, checks no file, remembers and logs nothing: what is left is what a login
//! can't do without. Its arguments are `ADDRESS CA_FILE USER push|code`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a yardstick, which lets no user in"
)]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::ptr;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

const PAM_AUTHTOK: c_int = 6;
const PAM_PROMPT_ECHO_ON: c_int = 2;
const PAM_AUTH_ERR: c_int = 7;

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_get_authtok(
        handle: *mut c_void,
        item: c_int,
        token: *mut *const c_char,
        prompt: *const c_char,
    ) -> c_int;
    fn pam_prompt(
        handle: *mut c_void,
        style: c_int,
        answer: *mut *mut c_char,
        format: *const c_char,
        ...
    ) -> c_int;
}

/// # Safety
/// Called by libpam.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pam_sm_authenticate(
    handle: *mut c_void,
    _flags: c_int,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    // SAFETY: libpam gives `argc` strings.
    let arguments: Vec<_> = (0..argc as usize)
        .map(|i| unsafe { CStr::from_ptr(*argv.add(i)) }.to_str().unwrap())
        .collect();
    let [address, ca_file, user, way] = arguments[..] else {
        return PAM_AUTH_ERR;
    };
    let password = password(handle);
    let mut tenant = Tenant::at(address, ca_file);
    let start = tenant.post("Start", &format!(r#"{{"User":"{user}","Version":"1.0"}}"#));
    let session = field(&start, "SessionId", 0);
    let first = field(&start, "MechanismId", 0);
    let second = field(&start, "MechanismId", 1);
    let batch = format!(
        r#"{{"SessionId":"{session}","MultipleOperations":[{{"MechanismId":"{first}","Action":"Answer","Answer":"{password}"}},{{"MechanismId":"{second}","Action":"StartOOB"}}]}}"#
    );
    let last = match way {
        "push" => {
            ask(handle);
            tenant.post("Advance", &batch);
            format!(r#"{{"SessionId":"{session}","MechanismId":"{second}","Action":"Poll"}}"#)
        }
        _ => {
            tenant.post("Advance", &batch);
            let code = ask(handle);
            format!(
                r#"{{"SessionId":"{session}","MechanismId":"{second}","Action":"Answer","Answer":"{code}"}}"#
            )
        }
    };
    if tenant.post("Advance", &last).contains("LoginSuccess") { 0 } else { PAM_AUTH_ERR }
}

/// # Safety
/// Called by libpam.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pam_sm_setcred(
    _: *mut c_void,
    _: c_int,
    _: c_int,
    _: *const *const c_char,
) -> c_int {
    0
}

fn password(handle: *mut c_void) -> String {
    let mut token = ptr::null();
    // SAFETY: the handle is libpam's live one; what it gives ends in NUL.
    unsafe {
        pam_get_authtok(handle, PAM_AUTHTOK, &mut token, ptr::null());
        CStr::from_ptr(token).to_str().unwrap().to_owned()
    }
}

fn ask(handle: *mut c_void) -> String {
    let mut answer = ptr::null_mut();
    // SAFETY: the handle is libpam's live one; the answer is a string of malloc's, ours to free.
    unsafe {
        pam_prompt(handle, PAM_PROMPT_ECHO_ON, &mut answer, c"Verification code: ".as_ptr());
        let text = CStr::from_ptr(answer).to_str().unwrap().to_owned();
        libc::free(answer.cast());
        text
    }
}

struct Tenant<'a> {
    address: &'a str,
    stream: TcpStream,
    tls: ClientConnection,
}

impl<'a> Tenant<'a> {
    fn at(address: &'a str, ca_file: &str) -> Self {
        let mut roots = RootCertStore::empty();
        let pem = fs::read(ca_file).unwrap();
        roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        let host = address.split(':').next().unwrap().to_owned();
        let name = ServerName::try_from(host).unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Tenant { address, stream, tls: ClientConnection::new(Arc::new(config), name).unwrap() }
    }

    /// One request in one write, and the body of the reply.
    fn post(&mut self, call: &str, body: &str) -> String {
        let length = body.len();
        let request = format!(
            "POST /Security/{call}Authentication HTTP/1.1\r\nHost: {}\r\nX-CENTRIFY-NATIVE-CLIENT: true\r\n\
             X-IDAP-NATIVE-CLIENT: true\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}",
            self.address
        );
        let mut tls = rustls::Stream::new(&mut self.tls, &mut self.stream);
        tls.write_all(request.as_bytes()).unwrap();
        let mut reply = vec![0; 16 * 1024];
        let mut length = 0;
        loop {
            length += tls.read(&mut reply[length..]).unwrap();
            if let Some(body) = whole(&reply[..length]) {
                return body;
            }
        }
    }
}

/// The body, once all of it is there.
fn whole(reply: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(reply).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let (_, rest) = head.split_once("Content-Length: ")?;
    let length: usize = rest.split("\r\n").next()?.parse().unwrap();
    (body.len() >= length).then(|| body.to_owned())
}

/// The string value of the key where it stands for the `nth` time.
fn field<'a>(json: &'a str, key: &str, nth: usize) -> &'a str {
    let place = json.match_indices(key).nth(nth).unwrap().0;
    json[place + key.len()..].split('"').nth(2).unwrap()
}
