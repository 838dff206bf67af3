// SPDX-License-Identifier: Apache-2.0
#include "engine/tls_credentials.h"

#include <wolfssl/options.h>

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn_public.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "engine/limits.h"
#include "engine/packet_protection_keys.h"

namespace quicore::engine {

namespace {

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
long size_of(std::string_view text) { return static_cast<long>(text.size()); }

std::unexpected<Error> invalid(std::string reason) {
  return failure(Errc::invalid_argument, std::move(reason));
}

Result<std::string> read_file(std::string_view field, const std::string& path) {
  const auto unreadable = [&](const std::string& why) {
    return invalid(std::string(field) + ": cannot read \"" + path + "\": " + why +
                   "; give the path of a PEM file that this user may read");
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  if (file == nullptr) return unreadable(std::strerror(errno));
  std::string text;
  std::array<char, 4096> part;
  while (std::feof(file.get()) == 0 && std::ferror(file.get()) == 0) {
    text.append(part.data(), std::fread(part.data(), 1, part.size(), file.get()));
    if (text.size() > limits::kMaxPemFile) return unreadable("it is larger than 4 MiB");
  }
  if (std::ferror(file.get()) != 0) return unreadable(std::strerror(errno));
  wipe(part.data(), part.size());
  return text;
}

// How wolfSSL asks for a passphrase.
int give_passphrase(char* buffer, int capacity, int, void* user) {
  const auto& passphrase = *static_cast<const std::string_view*>(user);
  if (passphrase.size() > static_cast<std::size_t>(capacity)) return -1;
  std::ranges::copy(passphrase, buffer);
  return static_cast<int>(passphrase.size());
}

bool is_encrypted(std::string_view key_pem) {
  return key_pem.find("BEGIN ENCRYPTED PRIVATE KEY") != std::string_view::npos ||
         key_pem.find("Proc-Type: 4,ENCRYPTED") != std::string_view::npos;
}

// The first block whose label ends in "PRIVATE KEY"; files often hold a certificate or the
// parameters of a curve before it.
std::string_view key_block(std::string_view pem) {
  const auto label = pem.find("PRIVATE KEY-----");
  if (label == std::string_view::npos) return {};
  const auto begin = pem.rfind("-----BEGIN ", label);
  return begin == std::string_view::npos ? std::string_view{} : pem.substr(begin);
}

Result<> load_key(WOLFSSL_CTX* context, std::string_view pem, std::string_view passphrase) {
  const auto key = key_block(pem);
  if (key.empty()) {
    return invalid(
        "key: no \"-----BEGIN ... PRIVATE KEY-----\" found; give the private key of the "
        "certificate in PEM form");
  }
  if (is_encrypted(key) && passphrase.empty()) {
    return invalid("passphrase: the key is encrypted; give its passphrase");
  }
  wolfSSL_CTX_set_default_passwd_cb(context, give_passphrase);
  wolfSSL_CTX_set_default_passwd_cb_userdata(context, &passphrase);
  const int result =
      wolfSSL_CTX_use_PrivateKey_buffer(context, bytes(key), size_of(key), WOLFSSL_FILETYPE_PEM);
  wolfSSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  if (result == WOLFSSL_SUCCESS) return {};
  if (is_encrypted(key)) {
    return invalid(
        "passphrase: it does not open the key, or the key is encrypted in a way that is not "
        "supported; PKCS#8 with PBES2 and AES is");
  }
  return invalid(
      "key: it is damaged or of a kind that is not supported; ECDSA (P-256, P-384, P-521), RSA and "
      "Ed25519 are, as PKCS#8, SEC1 or PKCS#1");
}

// The leaf.
Result<Certificate> load_chain(WOLFSSL_CTX* context, std::string_view certificate_pem) {
  auto chain = Certificate::chain_from_pem(certificate_pem);
  if (!chain) return invalid("certificate: " + chain.error().reason);
  std::string text;  // without a key that may stand between them
  for (const Certificate& certificate : *chain) text += certificate.pem();
  if (wolfSSL_CTX_use_certificate_chain_buffer(context, bytes(text), size_of(text)) !=
      WOLFSSL_SUCCESS) {
    return invalid(
        "certificate: the chain is not usable; give the leaf first, then its intermediates, with "
        "keys of at least 2048 bits (RSA) or P-256");
  }
  return std::move(chain->front());
}

}  // namespace

TlsIdentity::~TlsIdentity() {
  wipe(certificate_pem.data(), certificate_pem.size());
  wipe(key_pem.data(), key_pem.size());
}

Result<std::string> read_bytes(std::string_view field, const Pem& source) {
  return source.path.empty() ? Result<std::string>(source.text) : read_file(field, source.path);
}

Result<std::string> read_pem(std::string_view field, std::span<const Pem> sources) {
  std::string all;
  for (const Pem& source : sources) {
    if (source.path.empty()) {
      all += source.text;
    } else {
      auto text = read_file(field, source.path);
      if (!text) return text;
      if (text->find("-----BEGIN ") == std::string::npos) {
        return invalid(std::string(field) + ": \"" + source.path +
                       "\" is not PEM: it has no \"-----BEGIN ...-----\" line. Convert it, for "
                       "example by openssl x509 -inform der");
      }
      all += *text;
      wipe(text->data(), text->size());
    }
    all += '\n';
  }
  return all;
}

Result<Certificate> load_certificate_and_key(WOLFSSL_CTX* context, std::string_view certificate_pem,
                                             std::string_view key_pem,
                                             std::string_view passphrase) {
  auto leaf = load_chain(context, certificate_pem);
  if (!leaf) return leaf;
  if (auto loaded = load_key(context, key_pem, passphrase); !loaded) {
    return std::unexpected(std::move(loaded.error()));
  }
  if (wolfSSL_CTX_check_private_key(context) != WOLFSSL_SUCCESS) {
    return invalid("key: it does not belong to the certificate (\"" + leaf->subject() +
                   "\"); give the key that the certificate was made for");
  }
  return leaf;
}

Result<Certificate> load_certificate_without_key(WOLFSSL_CTX* context,
                                                 std::string_view certificate_pem) {
  auto leaf = load_chain(context, certificate_pem);
  if (!leaf) return leaf;
  const auto der = leaf->der();
  const auto der_size = static_cast<word32>(der.size());
  std::vector<std::uint8_t> key(der.size());
  auto key_size = static_cast<word32>(key.size());
  if (wc_GetSubjectPubKeyInfoDerFromCert(der.data(), der_size, key.data(), &key_size) < 0 ||
      wolfSSL_CTX_use_PrivateKey_buffer(context, key.data(), static_cast<long>(key_size),
                                        WOLFSSL_FILETYPE_ASN1) != WOLFSSL_SUCCESS) {
    return invalid(
        "certificate: its key is of a kind that is not supported; ECDSA (P-256, P-384, P-521), RSA "
        "and Ed25519 are");
  }
  return leaf;
}

Result<> load_trusted(WOLFSSL_CTX* context, std::string_view ca_pem) {
  const auto chain = Certificate::chain_from_pem(ca_pem);
  if (!chain) return invalid("ca: " + chain.error().reason);
  for (const Certificate& certificate : *chain) {
    const auto der = certificate.der();
    if (wolfSSL_CTX_load_verify_buffer_ex(context, der.data(), static_cast<long>(der.size()),
                                          WOLFSSL_FILETYPE_ASN1, 0,
                                          WOLFSSL_LOAD_FLAG_DATE_ERR_OKAY) != WOLFSSL_SUCCESS) {
      return invalid("ca: \"" + certificate.subject() +
                     "\" cannot be used as a trusted certificate; give CA certificates or "
                     "self-signed ones");
    }
  }
  return {};
}

Result<> load_revocation_lists(WOLFSSL_CTX* context, std::string_view crl_pem) {
  constexpr std::string_view kBegin = "-----BEGIN X509 CRL-----";
  constexpr std::string_view kEnd = "-----END X509 CRL-----";
  if (wolfSSL_CTX_EnableCRL(context, WOLFSSL_CRL_CHECK) != WOLFSSL_SUCCESS) {
    return failure(Errc::no_memory, "the TLS library has no memory for revocation lists");
  }
  std::size_t lists = 0;
  for (auto at = crl_pem.find(kBegin); at != std::string_view::npos;
       at = crl_pem.find(kBegin, at + 1)) {
    const auto end = crl_pem.find(kEnd, at);
    const auto list =
        crl_pem.substr(at, end == std::string_view::npos ? end : end - at + kEnd.size());
    if (wolfSSL_CTX_LoadCRLBuffer(context, bytes(list), size_of(list), WOLFSSL_FILETYPE_PEM) !=
        WOLFSSL_SUCCESS) {
      return invalid(
          "crl: a list cannot be used: it is damaged, or its CA is not in `ca`, or its time is "
          "over");
    }
    ++lists;
  }
  if (lists > 0) return {};
  return invalid("crl: no \"-----BEGIN X509 CRL-----\" found: give a revocation list in PEM form");
}

Result<> load_system_trust(WOLFSSL_CTX* context) {
  if (wolfSSL_CTX_load_system_CA_certs(context) == WOLFSSL_SUCCESS) return {};
  return invalid(
      "ca: it is empty and the system has no CA certificates; install the package "
      "ca-certificates, or name a CA file");
}

std::string validity_warning(const Certificate& certificate) {
  const auto now = std::chrono::system_clock::from_time_t(wc_Time(nullptr));
  if (now > certificate.not_after()) {
    return "certificate: \"" + certificate.subject() +
           "\" has expired; clients that verify will refuse it";
  }
  if (now < certificate.not_before()) {
    return "certificate: \"" + certificate.subject() +
           "\" is not valid yet; check this machine's clock";
  }
  return {};
}

}  // namespace quicore::engine
