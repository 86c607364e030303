#include "platform/xclbin/metadata.h"

#include <expat.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <cstring>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace strobe::xclbin {
namespace {

constexpr std::string_view kControlPort = "S_AXI_CONTROL";

std::string escape(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string hex(uint64_t value) { return absl::StrCat("0x", absl::Hex(value)); }

std::string_view control_name(Control control) {
  switch (control) {
    case Control::kHandshake:
      return "ap_ctrl_hs";
    case Control::kChain:
      return "ap_ctrl_chain";
    case Control::kNone:
      return "ap_ctrl_none";
  }
  return "ap_ctrl_hs";
}

std::string attribute(std::string_view name, std::string_view value) {
  return absl::StrCat(" ", std::string(name), "=\"", escape(value), "\"");
}

std::string port_element(std::string_view name, bool master, uint32_t range) {
  return absl::StrCat("          <port", attribute("name", name), attribute("mode", master ? "master" : "slave"),
                      attribute("range", master ? "0xFFFFFFFFFFFFFFFF" : hex(range)),
                      attribute("dataWidth", master ? "512" : "32"), " portType=\"addressable\" base=\"0x0\"/>\n");
}

std::string argument_element(const Argument& argument, size_t id) {
  const char* qualifier = argument.kind == Argument::Kind::kMemory   ? "1"
                          : argument.kind == Argument::Kind::kStream ? "4"
                                                                     : "0";
  return absl::StrCat(
      "          <arg", attribute("name", argument.name), attribute("addressQualifier", qualifier),
      attribute("id", absl::StrCat(id)), attribute("port", argument.port.empty() ? kControlPort : argument.port),
      attribute("size", hex(argument.size)), attribute("offset", hex(argument.offset)), attribute("hostOffset", "0x0"),
      attribute("hostSize", hex(argument.size)), attribute("type", argument.type), "/>\n");
}

std::string kernel_element(const Xclbin& xclbin, size_t index) {
  const Kernel& kernel = xclbin.kernels[index];
  std::string out = absl::StrCat("        <kernel", attribute("name", kernel.name), " language=\"c\"",
                                 attribute("hwControlProtocol", control_name(kernel.control)), ">\n");
  std::set<std::string> masters;
  for (const Argument& argument : kernel.arguments) {
    if (argument.kind == Argument::Kind::kMemory) masters.insert(argument.port);
  }
  for (const std::string& master : masters) out += port_element(master, true, 0);
  out += port_element(kControlPort, false, kernel.address_range);
  for (size_t i = 0; i < kernel.arguments.size(); ++i) out += argument_element(kernel.arguments[i], i);
  for (const ComputeUnit& unit : xclbin.compute_units) {
    if (unit.kernel != static_cast<int>(index)) continue;
    out += absl::StrCat("          <instance", attribute("name", unit.instance), ">\n            <addrRemap",
                        attribute("base", hex(unit.base_address)), attribute("range", hex(kernel.address_range)),
                        attribute("port", kControlPort), "/>\n          </instance>\n");
  }
  return out + "        </kernel>\n";
}

/// Numbers in the XML are decimal or hexadecimal with 0x; anything else counts as a mistake of the file.
bool parse_number(std::string_view text, uint64_t& value) {
  int base = 10;
  if (text.substr(0, 2) == "0x" || text.substr(0, 2) == "0X") {
    text.remove_prefix(2);
    base = 16;
  }
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

/// Collects what strobe needs from the XML while expat walks through it. The element path is enough of a state: kernels
/// are in project/platform/device/core/kernel, everything else with the same names elsewhere is passed over.
class Reader {
 public:
  explicit Reader(XML_Parser parser) : parser_(parser) {}

  static void on_start(void* self, const XML_Char* name, const XML_Char** attributes) {
    static_cast<Reader*>(self)->start(name, attributes);
  }
  static void on_end(void* self, const XML_Char*) { static_cast<Reader*>(self)->path_.pop_back(); }
  /// Entities are of no use here, and a chain of them is the known way to make a small file a huge one.
  static void on_doctype(void* self, const XML_Char*, const XML_Char*, const XML_Char*, int) {
    static_cast<Reader*>(self)->fail("a document type declaration");
  }

  const std::string& error() const { return error_; }
  Metadata take() { return std::move(metadata_); }

 private:
  void fail(std::string what) {
    if (error_.empty()) error_ = absl::StrCat("line ", XML_GetCurrentLineNumber(parser_), ": ", what);
    XML_StopParser(parser_, XML_FALSE);
  }

  static std::string_view find(const XML_Char** attributes, std::string_view name) {
    for (; *attributes; attributes += 2) {
      if (name == attributes[0]) return attributes[1];
    }
    return {};
  }

  uint64_t number(const XML_Char** attributes, std::string_view name, uint64_t otherwise, uint64_t limit) {
    std::string_view text = find(attributes, name);
    uint64_t value = otherwise;
    if (!text.empty() && (!parse_number(text, value) || value > limit)) {
      fail(absl::StrCat("attribute '", std::string(name), "' is \"", std::string(text.substr(0, 40)),
                        "\", expected a number up to ", limit));
    }
    return value;
  }

  bool inside(std::initializer_list<std::string_view> parents) const {
    return path_.size() == parents.size() && std::equal(path_.begin(), path_.end(), parents.begin());
  }

  void start(const XML_Char* name, const XML_Char** attributes) {
    const std::string_view element = name;
    if (inside({}) && element == "project") metadata_.project = find(attributes, "name");
    if (inside({"project"}) && element == "platform") {
      metadata_.vendor = find(attributes, "vendor");
      metadata_.board = find(attributes, "boardid");
      metadata_.platform_name = find(attributes, "name");
    }
    if (inside({"project", "platform"}) && element == "device") metadata_.part = find(attributes, "fpgaDevice");
    if (inside({"project", "platform", "device"}) && element == "core")
      metadata_.core_target = find(attributes, "target");
    if (inside({"project", "platform", "device", "core"}) && element == "kernel") start_kernel(attributes);
    if (inside({"project", "platform", "device", "core", "kernel"})) start_in_kernel(element, attributes);
    if (inside({"project", "platform", "device", "core", "kernel", "instance"}) && element == "addrRemap") {
      metadata_.compute_units.back().base_address = number(attributes, "base", 0, UINT64_MAX);
    }
    if (path_.size() > 64) fail("elements nested more than 64 deep");
    path_.emplace_back(element);
  }

  void start_kernel(const XML_Char** attributes) {
    Kernel kernel;
    kernel.name = find(attributes, "name");
    const std::string_view protocol = find(attributes, "hwControlProtocol");
    kernel.control = protocol == "ap_ctrl_chain"  ? Control::kChain
                     : protocol == "ap_ctrl_none" ? Control::kNone
                                                  : Control::kHandshake;
    metadata_.kernels.push_back(std::move(kernel));
  }

  void start_in_kernel(std::string_view element, const XML_Char** attributes) {
    Kernel& kernel = metadata_.kernels.back();
    if (element == "port" && find(attributes, "mode") == "slave") {
      kernel.address_range = static_cast<uint32_t>(number(attributes, "range", kernel.address_range, UINT32_MAX));
    }
    if (element == "instance") {
      metadata_.compute_units.push_back(
          {static_cast<int>(metadata_.kernels.size()) - 1, std::string(find(attributes, "name")), 0});
    }
    if (element != "arg" || find(attributes, "id").empty())
      return;  // v++ lists a kernel's own printf buffer without an id
    Argument argument;
    argument.name = find(attributes, "name");
    argument.port = find(attributes, "port");
    argument.type = find(attributes, "type");
    argument.offset = static_cast<uint32_t>(number(attributes, "offset", 0, UINT32_MAX));
    argument.size = static_cast<uint32_t>(number(attributes, "size", 4, UINT32_MAX));
    const uint64_t qualifier = number(attributes, "addressQualifier", 0, 4);
    argument.kind = qualifier == 0   ? Argument::Kind::kScalar
                    : qualifier == 4 ? Argument::Kind::kStream
                                     : Argument::Kind::kMemory;
    if (number(attributes, "id", 0, UINT32_MAX) != kernel.arguments.size())
      fail("arguments are not numbered 0, 1, 2...");
    kernel.arguments.push_back(std::move(argument));
  }

  XML_Parser parser_;
  std::vector<std::string> path_;
  std::string error_;
  Metadata metadata_;
};

}  // namespace

std::string_view core_target(Target target) {
  switch (target) {
    case Target::kEmulator:
      return "emulator";
    case Target::kSwEmu:
      return "csim";
    case Target::kHwEmu:
      return "hw_em";
    case Target::kHw:
      return "bitstream";
  }
  return "bitstream";
}

std::string write_metadata(const Xclbin& xclbin) {
  std::vector<std::string> vbnv = absl::StrSplit(xclbin.platform, ':');
  vbnv.resize(4);
  std::string out =
      absl::StrCat("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<project", attribute("name", xclbin.project),
                   ">\n  <platform", attribute("vendor", vbnv[0]), attribute("boardid", vbnv[1]),
                   attribute("name", vbnv[2]), attribute("version", vbnv[3]), ">\n    <device name=\"fpga0\"",
                   attribute("fpgaDevice", xclbin.part), ">\n      <core name=\"OCL_REGION_0\"",
                   attribute("target", core_target(xclbin.target)), " type=\"clc_region\">\n");
  for (size_t i = 0; i < xclbin.kernels.size(); ++i) out += kernel_element(xclbin, i);
  return out + "      </core>\n    </device>\n  </platform>\n</project>\n";
}

absl::StatusOr<Metadata> read_metadata(std::string_view xml) {
  if (xml.size() > INT_MAX) return absl::InvalidArgumentError("EMBEDDED_METADATA is larger than 2 GiB");
  // v++ pads the section with zero bytes, which are no XML.
  while (!xml.empty() && xml.back() == '\0') xml.remove_suffix(1);
  XML_Parser parser = XML_ParserCreate(nullptr);
  Reader reader(parser);
  XML_SetUserData(parser, &reader);
  XML_SetElementHandler(parser, Reader::on_start, Reader::on_end);
  XML_SetStartDoctypeDeclHandler(parser, Reader::on_doctype);
  const bool ok = XML_Parse(parser, xml.data(), static_cast<int>(xml.size()), XML_TRUE) == XML_STATUS_OK;
  std::string problem = reader.error();
  if (!ok && problem.empty()) {
    problem = absl::StrCat("line ", XML_GetCurrentLineNumber(parser), ": ", XML_ErrorString(XML_GetErrorCode(parser)));
  }
  XML_ParserFree(parser);
  if (!problem.empty()) return absl::InvalidArgumentError(absl::StrCat("EMBEDDED_METADATA of the xclbin: ", problem));
  return reader.take();
}

}  // namespace strobe::xclbin
