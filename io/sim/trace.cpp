// SPDX-License-Identifier: Apache-2.0
#include "io/sim/trace.h"

#include <cinttypes>
#include <cstdlib>

namespace quicore::sim {
namespace {

const char* name_of(io::Ecn ecn) noexcept {
  switch (ecn) {
    case io::Ecn::not_ect:
      return "not-ect";
    case io::Ecn::ect0:
      return "ect0";
    case io::Ecn::ect1:
      return "ect1";
    case io::Ecn::ce:
      return "ce";
  }
  return "?";
}

}  // namespace

const char* to_string(What what) noexcept {
  switch (what) {
    case What::sent:
      return "sent";
    case What::refused:
      return "refused";
    case What::duplicated:
      return "duplicated";
    case What::dropped:
      return "dropped";
    case What::delivered:
      return "delivered";
    case What::received:
      return "received";
  }
  return "?";
}

Trace::Trace(const Timeline& timeline, bool keep_everything)
    : timeline_(timeline), keep_everything_(keep_everything) {
  if (const char* path = std::getenv("QUICORE_SIM_TRACE")) {
    file_ = std::fopen(path, "w");
    if (file_ == nullptr) std::fprintf(stderr, "cannot write QUICORE_SIM_TRACE=%s\n", path);
  }
  if (const char* path = std::getenv("QUICORE_SIM_PCAP")) {
    pcap_ = std::make_unique<PcapWriter>(path);
  }
}

Trace::~Trace() {
  if (file_ != nullptr) std::fclose(file_);
}

void Trace::record(What what, const std::string& host, const Datagram& datagram,
                   const char* reason) {
  ++counts_[static_cast<std::size_t>(what)];
  last_event_ = timeline_.now();
  Entry entry{what,
              timeline_.elapsed(),
              &host,
              datagram.number,
              datagram.source,
              datagram.destination,
              datagram.ecn,
              datagram.payload.size(),
              digest(datagram.payload),
              reason};
  mix(static_cast<std::uint64_t>(what) | static_cast<std::uint64_t>(entry.ecn) << 8);
  mix(static_cast<std::uint64_t>(entry.at.count()));
  mix(entry.number);
  mix(digest({static_cast<const std::byte*>(entry.source.data()), entry.source.size()}));
  mix(digest({static_cast<const std::byte*>(entry.destination.data()), entry.destination.size()}));
  mix(entry.digest);

  if (file_ != nullptr) std::fputs(line(entry).c_str(), file_);
  if (pcap_ != nullptr && what == What::sent) pcap_->write(timeline_.now(), datagram);
  if (keep_everything_ || entries_.size() < kKept) {
    entries_.push_back(entry);
  } else {
    entries_[oldest_] = entry;
    oldest_ = (oldest_ + 1) % kKept;
  }
  const Sight sight{what, timeline_.now(), host, datagram, reason};
  for (auto& observer : observers_) observer(sight);
}

std::string Trace::text() const {
  std::string all;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    all += line(entries_[(oldest_ + i) % entries_.size()]);
  }
  return all;
}

std::string Trace::line(const Entry& entry) {
  char text[256];
  std::snprintf(
      text, sizeof text,
      "+%" PRId64 ".%09" PRId64 " %s %s #%" PRIu64 " %s > %s %zu bytes %s %016" PRIx64 "%s%s\n",
      entry.at.count() / 1'000'000'000, entry.at.count() % 1'000'000'000, entry.host->c_str(),
      to_string(entry.what), entry.number, entry.source.to_string().c_str(),
      entry.destination.to_string().c_str(), entry.size, name_of(entry.ecn), entry.digest,
      entry.reason != nullptr ? " " : "", entry.reason != nullptr ? entry.reason : "");
  return text;
}

void Trace::mix(std::uint64_t value) noexcept {
  fingerprint_ = (fingerprint_ ^ value) * 0x9e3779b97f4a7c15;
  fingerprint_ ^= fingerprint_ >> 32;
}

}  // namespace quicore::sim
