// SPDX-License-Identifier: Apache-2.0
//
// PKCS#12 (RFC 7292): certificate, intermediates and key out of one file, as PEM.
#include <wolfssl/options.h>

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/memory.h>
#include <wolfssl/wolfcrypt/pkcs12.h>

#include <memory>

#include "engine/packet_protection_keys.h"
#include "engine/tls_credentials.h"

namespace quicore::engine {

namespace {

// What wc_PKCS12_parse hands out.
struct Parts {
  byte* key = nullptr;
  byte* certificate = nullptr;
  word32 key_size = 0;
  word32 certificate_size = 0;
  WC_DerCertList* others = nullptr;

  Parts() = default;
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  ~Parts() {
    if (key != nullptr) wipe(key, key_size);
    wolfSSL_Free(key);
    wolfSSL_Free(certificate);
    wc_FreeCertList(others, nullptr);
  }
};

bool append_certificate(const byte* der, word32 size, std::string& pem) {
  const auto certificate = Certificate::from_der({der, size});
  if (certificate) pem += certificate->pem();
  return certificate.has_value();
}

bool append_key(const Parts& parts, std::string& pem) {
  const int size = wc_DerToPem(parts.key, parts.key_size, nullptr, 0, PKCS8_PRIVATEKEY_TYPE);
  if (size <= 0) return false;
  pem.resize(static_cast<std::size_t>(size));
  return wc_DerToPem(parts.key, parts.key_size, reinterpret_cast<byte*>(pem.data()),
                     static_cast<word32>(size), PKCS8_PRIVATEKEY_TYPE) == size;
}

}  // namespace

Result<TlsIdentity> open_pfx(const Pem& source, const std::string& passphrase) {
  auto text = read_bytes("pfx", source);
  if (!text) return std::unexpected(std::move(text.error()));
  const std::unique_ptr<WC_PKCS12, void (*)(WC_PKCS12*)> file(wc_PKCS12_new(), wc_PKCS12_free);
  if (file == nullptr) return failure(Errc::no_memory, "no memory for a PKCS#12 file");
  const int decoded = wc_d2i_PKCS12(reinterpret_cast<const byte*>(text->data()),
                                    static_cast<word32>(text->size()), file.get());
  wipe(text->data(), text->size());
  if (decoded != 0) {
    return failure(Errc::invalid_argument,
                   "pfx: it is not PKCS#12 in DER form; make it by openssl pkcs12 -export");
  }
  Parts parts;
  const int parsed =
      wc_PKCS12_parse_ex(file.get(), passphrase.c_str(), &parts.key, &parts.key_size,
                         &parts.certificate, &parts.certificate_size, &parts.others, 1);
  if (parsed != 0) {
    return failure(Errc::invalid_argument,
                   "pfx: `passphrase` does not open it, or it is protected in a way that is not "
                   "supported; PBES2 with AES and a SHA-2 MAC is");
  }
  TlsIdentity identity;
  bool whole =
      parts.key != nullptr && parts.certificate != nullptr &&
      append_certificate(parts.certificate, parts.certificate_size, identity.certificate_pem) &&
      append_key(parts, identity.key_pem);
  for (const WC_DerCertList* other = parts.others; whole && other != nullptr; other = other->next) {
    whole = append_certificate(other->buffer, other->bufferSz, identity.certificate_pem);
  }
  if (whole) return identity;
  return failure(Errc::invalid_argument,
                 "pfx: it holds no certificate with its key; make it by openssl pkcs12 -export "
                 "-in cert.pem -inkey key.pem");
}

}  // namespace quicore::engine
