//! The private CA, the certificates good and bad, and what rustls needs of them.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::version::{TLS12, TLS13};

use super::scenario::{Certificate, Tenant, TlsVersion};

pub struct Certificates {
    pub ca_pem: String,
    configs: HashMap<Certificate, Arc<ServerConfig>>,
}

impl Certificates {
    pub fn new(tenant: &Tenant) -> Result<Certificates, String> {
        make(tenant).map_err(|error| format!("certificates: {error}"))
    }

    pub fn config(&self, certificate: Certificate) -> Arc<ServerConfig> {
        self.configs[&certificate].clone()
    }
}

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

fn make(tenant: &Tenant) -> Result<Certificates> {
    let (ca_pem, trusted) = authority("Simulated tenant's CA")?;
    let (_, stranger) = authority("A stranger's CA")?;
    let ours = ["127.0.0.1", "::1", "localhost"].map(String::from).into_iter();
    let ours: Vec<String> = ours.chain(tenant.names.iter().cloned()).collect();
    let theirs = vec!["another-host.invalid".to_string()];
    let mut expired = leaf(ours.clone())?;
    expired.not_before = date_time_ymd(2020, 1, 1);
    expired.not_after = date_time_ymd(2021, 1, 1);
    let leaves = [
        (Certificate::Good, leaf(ours.clone())?, Some(&trusted)),
        (Certificate::Expired, expired, Some(&trusted)),
        (Certificate::WrongName, leaf(theirs)?, Some(&trusted)),
        (Certificate::SelfSigned, leaf(ours.clone())?, None),
        (Certificate::Untrusted, leaf(ours)?, Some(&stranger)),
    ];
    let mut configs = HashMap::new();
    for (name, params, issuer) in leaves {
        configs.insert(name, Arc::new(config(&params, issuer, tenant.tls)?));
    }
    match tenant.chain.as_str() {
        "" => Ok(Certificates { ca_pem, configs }),
        folder => brought(Path::new(folder), tenant.tls, configs),
    }
}

/// The good certificate comes from another program: of a kind of key that ring can't make, for
/// example.
fn brought(
    folder: &Path,
    version: TlsVersion,
    mut configs: HashMap<Certificate, Arc<ServerConfig>>,
) -> Result<Certificates> {
    let ca_pem = fs::read_to_string(folder.join("ca.pem"))?;
    let chain = CertificateDer::pem_file_iter(folder.join("chain.pem"))?;
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem"))?;
    let good = serve(chain.collect::<Result<_, _>>()?, key, version)?;
    configs.insert(Certificate::Good, Arc::new(good));
    Ok(Certificates { ca_pem, configs })
}

fn authority(name: &str) -> Result<(String, Issuer<'static, KeyPair>)> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    let pem = params.self_signed(&key)?.pem();
    Ok((pem, Issuer::new(params, key)))
}

fn leaf(names: Vec<String>) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "Simulated tenant");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn config(
    params: &CertificateParams,
    issuer: Option<&Issuer<'static, KeyPair>>,
    version: TlsVersion,
) -> Result<ServerConfig> {
    let key = KeyPair::generate()?;
    let certificate = match issuer {
        Some(issuer) => params.signed_by(&key, issuer)?,
        None => params.self_signed(&key)?,
    };
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    serve(vec![certificate.der().clone()], private, version)
}

fn serve(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    version: TlsVersion,
) -> Result<ServerConfig> {
    let versions = match version {
        TlsVersion::Any => &[&TLS13, &TLS12][..],
        TlsVersion::Tls12 => &[&TLS12],
        TlsVersion::Tls13 => &[&TLS13],
    };
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(config)
}
