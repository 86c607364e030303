#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "platform/xclbin/axlf.h"
#include "platform/xclbin/metadata.h"
#include "platform/xclbin/tables.h"
#include "platform/xclbin/xclbin.h"

namespace strobe::xclbin {
namespace {

/// Gathers findings over one file.
class Checker {
 public:
  explicit Checker(std::string_view bytes) : bytes_(bytes) {}

  std::vector<Finding> run() {
    auto file = axlf::parse(bytes_);
    if (!file.ok()) {
      note("header", std::string(file.status().message()));
      return std::move(findings_);
    }
    file_ = *std::move(file);
    check_sections();
    check_uuid();
    check_bitstream();
    if (load_tables()) {
      check_units();
      check_connections();
      check_banks();
    }
    return std::move(findings_);
  }

 private:
  void note(std::string section, std::string text) { findings_.push_back({std::move(section), std::move(text)}); }

  template <typename T>
  bool take(absl::StatusOr<T> read, std::string_view section, T& into) {
    if (read.ok())
      into = *std::move(read);
    else
      note(std::string(section), std::string(read.status().message()));
    return read.ok();
  }

  void check_sections() {
    std::set<uint32_t> kinds;
    std::vector<std::pair<uint64_t, uint64_t>> spans;
    const uint64_t data_start = axlf::kHeaderEnd + file_.sections.size() * axlf::kSectionHeaderSize;
    for (const axlf::SectionView& section : file_.sections) {
      const std::string name = absl::StrCat(std::string(axlf::section_name(section.kind)), " (", section.kind, ")");
      if (section.kind > axlf::kMaxKnownSection) note(name, "kind is none that the format knows");
      if (section.kind <= axlf::kUserMetadata && !kinds.insert(section.kind).second) note(name, "is there twice");
      if (section.offset % 8 != 0)
        note(name, absl::StrCat("begins at byte ", section.offset, ", expected a multiple of 8"));
      if (section.offset < data_start)
        note(name, absl::StrCat("begins at byte ", section.offset, ", inside the headers that end at ", data_start));
      spans.emplace_back(section.offset, section.data.size());
    }
    std::sort(spans.begin(), spans.end());
    for (size_t i = 1; i < spans.size(); ++i) {
      if (spans[i].first < spans[i - 1].first + spans[i - 1].second)
        note("header", absl::StrCat("sections overlap at byte ", spans[i].first));
    }
  }

  void check_uuid() {
    if (std::all_of(file_.uuid.begin(), file_.uuid.end(), [](uint8_t b) { return b == 0; }))
      note("header", "UUID is zero");
    if (!axlf::made_by_strobe(file_)) return;
    const auto expected = axlf::digest_uuid(bytes_);
    if (expected != file_.uuid) {
      note("header", absl::StrCat("UUID is ", uuid_text(file_.uuid), ", the content gives ", uuid_text(expected),
                                  ": a byte was changed"));
    }
  }

  void check_bitstream() {
    const bool emulator = file_.mode == axlf::kFlat && axlf::made_by_strobe(file_);
    auto bits = file_.find(axlf::kBitstream);
    if (!bits) {
      if (!emulator) note("BITSTREAM", "is missing");
      return;
    }
    if (file_.mode == axlf::kSwEmu && bits->substr(0, 4) !=
                                          "\x7F"
                                          "ELF")
      note("BITSTREAM", "is no ELF shared library, as sw_emu needs");
    if ((file_.mode == axlf::kHwEmu || file_.mode == axlf::kHwEmuPartial) && bits->substr(0, 2) != "PK")
      note("BITSTREAM", "is no zip, as hw_emu needs");
  }

  bool load_tables() {
    auto xml = file_.find(axlf::kEmbeddedMetadata);
    if (!xml) {
      note("EMBEDDED_METADATA", "is missing");
      return false;
    }
    bool ok = take(read_metadata(*xml), "EMBEDDED_METADATA", metadata_);
    for (auto section : {axlf::kMemTopology, axlf::kIpLayout, axlf::kConnectivity}) {
      if (!file_.find(section)) note(std::string(axlf::section_name(section)), "is missing"), ok = false;
    }
    return ok && take(read_memory(*file_.find(axlf::kMemTopology)), "MEM_TOPOLOGY", banks_) &&
           take(read_ips(*file_.find(axlf::kIpLayout)), "IP_LAYOUT", ips_) &&
           take(read_connections(*file_.find(axlf::kConnectivity)), "CONNECTIVITY", connections_);
  }

  const Kernel* kernel_of(const IpEntry& ip) const {
    if (ip.type != axlf::kIpKernel) return nullptr;
    const std::string name = ip.name.substr(0, ip.name.find(':'));
    auto kernel = std::find_if(metadata_.kernels.begin(), metadata_.kernels.end(),
                               [&](const Kernel& k) { return k.name == name; });
    return kernel == metadata_.kernels.end() ? nullptr : &*kernel;
  }

  void check_units() {
    std::map<std::string, const ComputeUnit*> named;
    for (const ComputeUnit& unit : metadata_.compute_units)
      named[metadata_.kernels[unit.kernel].name + ":" + unit.instance] = &unit;
    std::set<std::string> seen;
    for (const IpEntry& ip : ips_) {
      const Kernel* kernel = kernel_of(ip);
      if (!kernel) {
        if (ip.type == axlf::kIpKernel && axlf::made_by_strobe(file_))
          note("IP_LAYOUT", absl::StrCat("'", ip.name, "' is no kernel of EMBEDDED_METADATA"));
        continue;
      }
      seen.insert(ip.name);
      auto unit = named.find(ip.name);
      if (unit == named.end()) {
        note("IP_LAYOUT", absl::StrCat("'", ip.name, "' is no instance of EMBEDDED_METADATA"));
      } else if (unit->second->base_address != ip.base_address) {
        note("IP_LAYOUT", absl::StrCat("'", ip.name, "' is at ", ip.base_address, ", EMBEDDED_METADATA says ",
                                       unit->second->base_address));
      }
      if (control_of(ip) != kernel->control)
        note("IP_LAYOUT", absl::StrCat("'", ip.name, "' has another control protocol than EMBEDDED_METADATA says"));
    }
    for (const auto& [name, unit] : named) {
      if (!seen.contains(name)) note("IP_LAYOUT", absl::StrCat("'", name, "' of EMBEDDED_METADATA is missing"));
    }
  }

  void check_connections() {
    std::set<std::pair<int32_t, int32_t>> connected;
    for (const ConnectionEntry& entry : connections_) {
      const std::string what = absl::StrCat("argument ", entry.argument, " of IP ", entry.ip);
      if (entry.ip < 0 || entry.ip >= static_cast<int32_t>(ips_.size())) {
        note("CONNECTIVITY", absl::StrCat(what, ": IP_LAYOUT has ", ips_.size(), " entries"));
        continue;
      }
      const Kernel* kernel = kernel_of(ips_[entry.ip]);
      if (!kernel) continue;
      if (entry.argument < 0 || entry.argument >= static_cast<int32_t>(kernel->arguments.size())) {
        note("CONNECTIVITY",
             absl::StrCat(what, ": kernel '", kernel->name, "' has ", kernel->arguments.size(), " arguments"));
      } else if (kernel->arguments[entry.argument].kind == Argument::Kind::kScalar) {
        note("CONNECTIVITY", absl::StrCat(what, ": '", kernel->arguments[entry.argument].name, "' is a scalar"));
      }
      if (entry.bank < 0 || entry.bank >= static_cast<int32_t>(banks_.size())) {
        note("CONNECTIVITY", absl::StrCat(what, ": memory bank ", entry.bank, ", MEM_TOPOLOGY has ", banks_.size()));
      } else if (!banks_[entry.bank].used) {
        note("CONNECTIVITY", absl::StrCat(what, ": memory bank ", entry.bank, " is marked unused"));
      }
      connected.emplace(entry.ip, entry.argument);
    }
    check_all_connected(connected);
  }

  void check_all_connected(const std::set<std::pair<int32_t, int32_t>>& connected) {
    for (size_t i = 0; i < ips_.size(); ++i) {
      const Kernel* kernel = kernel_of(ips_[i]);
      for (size_t a = 0; kernel && a < kernel->arguments.size(); ++a) {
        if (kernel->arguments[a].kind == Argument::Kind::kMemory &&
            !connected.contains({static_cast<int32_t>(i), static_cast<int32_t>(a)})) {
          note("CONNECTIVITY", absl::StrCat("argument '", kernel->arguments[a].name, "' of '", ips_[i].name,
                                            "' is connected to no memory bank"));
        }
      }
    }
  }

  void check_banks() {
    std::vector<std::pair<uint64_t, uint64_t>> spans;
    for (const MemoryBank& bank : banks_) {
      if (!bank.used) continue;
      if (bank.size_kib == 0) note("MEM_TOPOLOGY", absl::StrCat("bank '", bank.tag, "' is used and has no bytes"));
      // Streams have no addresses, and host memory is the host's.
      if (bank.type == MemoryBank::Type::kStreaming || bank.type == MemoryBank::Type::kHost) continue;
      spans.emplace_back(bank.base_address, bank.size_kib);
    }
    std::sort(spans.begin(), spans.end());
    for (size_t i = 1; i < spans.size(); ++i) {
      if ((spans[i].first - spans[i - 1].first) / 1024 < spans[i - 1].second) {
        note("MEM_TOPOLOGY", absl::StrCat("banks overlap at address ", spans[i].first));
      }
    }
  }

  std::string_view bytes_;
  axlf::File file_;
  Metadata metadata_;
  std::vector<MemoryBank> banks_;
  std::vector<IpEntry> ips_;
  std::vector<ConnectionEntry> connections_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> check(std::string_view bytes) { return Checker(bytes).run(); }

}  // namespace strobe::xclbin
