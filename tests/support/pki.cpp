// SPDX-License-Identifier: Apache-2.0
#include "tests/support/pki.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace quicore::test {

namespace {

constexpr const char* kConfiguration = R"(
[ca]
default_ca = test
[test]
dir = .
database = $dir/index.txt
serial = $dir/serial
new_certs_dir = $dir
certificate = $dir/ca.pem
private_key = $dir/ca.key
default_md = sha256
default_days = 30
default_crl_days = 30
policy = any
unique_subject = no
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
basicConstraints = CA:FALSE
subjectAltName = DNS:localhost,IP:127.0.0.1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
)";

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::string key_arguments(const std::string& key) {
  if (key.starts_with("P-")) return "-newkey ec -pkeyopt ec_paramgen_curve:" + key;
  return "-newkey " + key;
}

}  // namespace

TlsSettings Pki::Identity::settings(const std::string& chain) const {
  TlsSettings settings;
  settings.certificate = {Pem::bytes(certificate_pem + chain)};
  settings.key = {Pem::bytes(key_pem)};
  return settings;
}

Pki::Pki(const std::string& common_name) {
  std::string folder = std::filesystem::temp_directory_path() / "quicore-pki-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary directory");
  folder_ = folder;
  write(path("ca.cnf"), kConfiguration);
  write(path("index.txt"), "");
  write(path("serial"), "1000\n");
  openssl("req -x509 " + key_arguments("P-256") +
          " -nodes -keyout ca.key -out ca.pem -days 30 -subj '/CN=" + common_name +
          "' -addext basicConstraints=critical,CA:TRUE"
          " -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature");
  ca_pem_ = read("ca.pem");
}

Pki::~Pki() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Pki::Identity Pki::issue(const std::string& name, const std::string& key) {
  openssl("req " + key_arguments(key) + " -nodes -keyout " + name + ".key -out " + name +
          ".csr -subj '/CN=" + name + "'");
  openssl("ca -batch -config ca.cnf -notext -in " + name + ".csr -out " + name + ".pem");
  return {name, read(name + ".pem"), read(name + ".key")};
}

void Pki::revoke(const Identity& identity) {
  openssl("ca -batch -config ca.cnf -revoke " + identity.name + ".pem");
}

std::string Pki::crl_pem() {
  openssl("ca -batch -config ca.cnf -gencrl -out crl.pem");
  return read("crl.pem");
}

std::string Pki::ocsp_response(const Identity& identity) {
  openssl("ocsp -issuer ca.pem -cert " + identity.name + ".pem -no_nonce -reqout ocsp.req");
  openssl(
      "ocsp -index index.txt -CA ca.pem -rsigner ca.pem -rkey ca.key -ndays 1 -reqin ocsp.req "
      "-respout ocsp.der");
  return read("ocsp.der");
}

std::string Pki::pfx(const Identity& identity, const std::string& passphrase) {
  openssl("pkcs12 -export -in " + identity.name + ".pem -inkey " + identity.name +
          ".key -certfile ca.pem -passout pass:" + passphrase + " -out out.pfx");
  return read("out.pfx");
}

std::string Pki::sign(const Identity& identity, SignatureAlgorithm algorithm,
                      const std::string& input) {
  write(path("to-sign"), input);
  const auto number = static_cast<unsigned>(algorithm);
  const unsigned hash = number >> 8 == 8 ? number & 0xff : number >> 8;  // RFC 8446 4.2.3
  const std::string digest = hash == 4 ? "sha256" : hash == 5 ? "sha384" : "sha512";
  std::string options = " -pkeyopt digest:" + digest;
  switch (algorithm) {
    case SignatureAlgorithm::ed25519:
      options = " -rawin";
      break;
    case SignatureAlgorithm::rsa_pss_rsae_sha256:
    case SignatureAlgorithm::rsa_pss_rsae_sha384:
    case SignatureAlgorithm::rsa_pss_rsae_sha512:
      options +=
          " -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:digest -pkeyopt rsa_mgf1_md:" +
          digest;
      break;
    default:
      break;
  }
  openssl("pkeyutl -sign -inkey " + identity.name + ".key -in to-sign -out signature" + options);
  return read("signature");
}

std::string Pki::encrypted_key(const Identity& identity, const std::string& passphrase) {
  openssl("pkcs8 -topk8 -v2 aes-256-cbc -in " + identity.name + ".key -passout pass:" + passphrase +
          " -out encrypted.key");
  return read("encrypted.key");
}

std::string Pki::read(const std::string& name) const {
  std::ifstream file(path(name), std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void Pki::openssl(const std::string& arguments) const {
  const std::string command =
      "cd '" + folder_ + "' && openssl " + arguments + " > openssl.log 2>&1 < /dev/null";
  if (std::system(command.c_str()) != 0) {
    throw std::runtime_error("openssl " + arguments + "\n" + read("openssl.log"));
  }
}

}  // namespace quicore::test
