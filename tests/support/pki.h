// SPDX-License-Identifier: Apache-2.0
//
// A certificate authority made by the openssl command, for tests that need what a development
// certificate has not: an issuer, revocation, OCSP responses, PKCS#12.
//
// Everything lies in a directory of its own, removed at the end. Some ten milliseconds per call.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/tls_settings.h"

namespace quicore::test {

class Pki {
 public:
  struct Identity {
    std::string name;  // of its files
    std::string certificate_pem;
    std::string key_pem;

    // As a server shows it: without the CA's certificate unless `chain` is given.
    TlsSettings settings(const std::string& chain = {}) const;
  };

  explicit Pki(const std::string& common_name = "Test CA");
  ~Pki();
  Pki(const Pki&) = delete;
  Pki& operator=(const Pki&) = delete;

  const std::string& ca_pem() const { return ca_pem_; }
  // For localhost, signed by the CA; `key` is a curve such as "P-256", "rsa:2048" or "ed25519".
  Identity issue(const std::string& name, const std::string& key = "P-256");
  void revoke(const Identity& identity);
  // The list as of now.
  std::string crl_pem();
  // DER, signed by the CA.
  std::string ocsp_response(const Identity& identity);
  // By the key of `identity`, in another process: what a SignatureRequest asks for.
  std::string sign(const Identity& identity, SignatureAlgorithm algorithm,
                   const std::string& input);
  std::string encrypted_key(const Identity& identity, const std::string& passphrase);
  // DER, as `openssl pkcs12 -export` makes it, with the CA's certificate.
  std::string pfx(const Identity& identity, const std::string& passphrase);

 private:
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string read(const std::string& name) const;
  void openssl(const std::string& arguments) const;

  std::string folder_;
  std::string ca_pem_;
};

}  // namespace quicore::test
