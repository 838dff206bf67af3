// SPDX-License-Identifier: Apache-2.0
#include "api/tls.h"

#include <utility>

#include "engine/development_certificate.h"
#include "engine/tls_context.h"

namespace quicore {

Result<std::shared_ptr<engine::TlsContext>> make_tls_context(Side side,
                                                             const TlsSettings& settings) {
  return engine::TlsContext::create(side, settings);
}

std::string_view certificate_code(const Error& error) noexcept {
  if (error.kind != Errc::certificate) return {};
  const std::string_view reason = error.reason;
  return reason.substr(0, reason.find(':'));
}

Result<DevelopmentIdentity> make_development_identity(const std::vector<std::string>& names) {
  auto made = engine::make_development_certificate({.names = names});
  if (!made) return std::unexpected(std::move(made.error()));
  DevelopmentIdentity identity;
  identity.server.certificate = {Pem::bytes(made->certificate_pem)};
  identity.server.key = {Pem::bytes(made->key_pem)};
  identity.client.ca = identity.server.certificate;
  identity.certificate_pem = std::move(made->certificate_pem);
  identity.key_pem = std::move(made->key_pem);
  identity.spki_sha256_base64 = std::move(made->spki_sha256_base64);
  return identity;
}

}  // namespace quicore
