// SPDX-License-Identifier: Apache-2.0
#include "tools/common/sentence.h"

#include <cstring>

#include "tools/common/format.h"

namespace quicore::tools {

std::string sentence_of(const Error& error) {
  const bool says_all = error.space == ErrorSpace::library || error.space == ErrorSpace::os ||
                        error.space == ErrorSpace::tls_alert;
  return says_all && !error.reason.empty() ? error.reason : to_string(error);
}

std::string why_not_connected(const Error& error, const Address& server, Duration timeout) {
  switch (error.kind) {
    case Errc::timed_out:
      return "no answer from " + server.to_string() + " within --connect-timeout " +
             format_duration(timeout) + ": check host, port and firewall, and that it takes UDP";
    case Errc::certificate:
      return sentence_of(error) +
             "; trust its certificate by --ca FILE, or for a test of your own "
             "server nobody's by --insecure";
    default:
      return sentence_of(error);
  }
}

Error cannot_write(const std::string& option, const std::string& path, int number) {
  return Error::system(number, option + ": cannot write \"" + path + "\": " +
                                   std::strerror(number) + "; name a file in a folder of yours");
}

}  // namespace quicore::tools
