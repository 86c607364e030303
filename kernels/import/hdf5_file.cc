#include "kernels/import/hdf5_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace strobe::import::hdf5 {
namespace {

constexpr std::string_view kSignature("\x89HDF\r\n\x1a\n", 8);
/// Elements of the largest dataset that is read: 2 GiB as doubles.
constexpr uint64_t kMaxElements = uint64_t{1} << 28;
constexpr size_t kMaxStrings = 1 << 20;

absl::Status damaged(std::string what) { return absl::InvalidArgumentError(absl::StrCat("damaged HDF5: ", what)); }

/// Number of elements, or an error where no honest dataset of this file could have so many.
absl::StatusOr<uint64_t> count_elements(const std::vector<int64_t>& shape) {
  uint64_t count = 1;
  for (const int64_t extent : shape) {
    if (extent != 0 && count > kMaxElements / static_cast<uint64_t>(extent)) {
      return absl::ResourceExhaustedError(absl::StrCat("more than ", kMaxElements, " elements"));
    }
    count *= static_cast<uint64_t>(extent);
  }
  return count;
}

struct DatasetHeader {
  std::optional<std::vector<int64_t>> shape;
  std::optional<Datatype> type;
  std::optional<Layout> layout;
  std::vector<Filter> filters;
};

template <typename T, typename Target>
absl::Status store(absl::StatusOr<T> parsed, Target* target) {
  if (!parsed.ok()) return parsed.status();
  *target = *std::move(parsed);
  return absl::OkStatus();
}

absl::StatusOr<DatasetHeader> read_dataset_header(std::string_view file, uint64_t address) {
  absl::StatusOr<std::vector<Message>> messages = read_object_header(file, address);
  if (!messages.ok()) return messages.status();
  DatasetHeader header;
  for (const Message& message : *messages) {
    absl::Status status;
    const bool wanted = message.is(MessageType::kDataspace) || message.is(MessageType::kDatatype) ||
                        message.is(MessageType::kLayout) || message.is(MessageType::kFilters);
    if (wanted && message.shared) return absl::UnimplementedError("a dataset of a shared (committed) type");
    if (message.is(MessageType::kDataspace)) status = store(parse_dataspace(message.data), &header.shape);
    if (message.is(MessageType::kDatatype)) status = store(parse_datatype(message.data), &header.type);
    if (message.is(MessageType::kLayout)) status = store(parse_layout(message.data), &header.layout);
    if (message.is(MessageType::kFilters)) status = store(parse_filters(message.data), &header.filters);
    if (!status.ok()) return status;
  }
  if (!header.shape || !header.type || !header.layout) {
    return absl::InvalidArgumentError("expected a dataset, found another kind of object");
  }
  return header;
}

}  // namespace

absl::StatusOr<File> File::open(std::string bytes, std::string name) {
  File file(std::move(bytes), std::move(name));
  if (absl::Status s = file.read_superblock(); !s.ok()) return s;
  return file;
}

absl::Status File::read_superblock() {
  Cursor at(bytes_, 0);
  if (!at.expect(kSignature)) {
    return absl::InvalidArgumentError(absl::StrCat("'", name_, "': expected an HDF5 file, found no HDF5 signature"));
  }
  const int version = at.u8();
  if (version > 3) {
    return absl::UnimplementedError(
        absl::StrCat("'", name_, "': HDF5 superblock version ", version, ", 0 to 3 are read"));
  }
  const bool old = version < 2;
  if (old) at.skip(4);
  const int offset_size = at.u8(), length_size = at.u8();
  at.skip(old ? (version == 1 ? 13 : 9) : 1);
  const uint64_t base = at.u64();
  at.skip(8);
  const uint64_t end = at.u64();
  if (old) at.skip(16);
  root_ = at.u64();
  if (!at.ok() || offset_size != 8 || length_size != 8 || base != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", name_, "': the HDF5 superblock is damaged or of an unknown kind"));
  }
  if (end > bytes_.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", name_, "': HDF5 file cut short: expected ", end, " bytes, found ", bytes_.size()));
  }
  return absl::OkStatus();
}

absl::Status File::wrap(const absl::Status& status, const std::string& path) const {
  return absl::Status(status.code(), absl::StrCat("'", name_, "', object '", path, "': ", status.message()));
}

absl::StatusOr<std::string_view> File::local_heap(uint64_t address) const {
  Cursor at(bytes_, address);
  if (!at.expect("HEAP")) return damaged("a group's names are missing");
  at.skip(4);
  const uint64_t size = at.u64();
  at.skip(8);
  Cursor data(bytes_, at.u64());
  const std::string_view heap = data.take(size);
  if (!at.ok() || !data.ok()) return damaged("a group's names lie outside the file");
  return heap;
}

absl::Status File::read_symbols(uint64_t node, std::string_view heap, Links* links) const {
  Cursor at(bytes_, node);
  if (!at.expect("SNOD")) return damaged("a group's symbol node is missing");
  at.skip(2);
  const int count = at.u16();
  for (int i = 0; i < count; ++i) {
    const uint64_t name = at.u64(), header = at.u64();
    const uint32_t cache = at.u32();
    at.skip(20);
    if (!at.ok() || name >= heap.size()) return damaged("a group's symbol node is cut short");
    const std::string_view text = heap.substr(name);
    const uint64_t length = strnlen(text.data(), text.size());
    if (cache != 2) links->emplace(std::string(text.substr(0, length)), header);
  }
  return absl::OkStatus();
}

absl::Status File::walk_group(uint64_t node, uint64_t heap, int level, uint64_t* budget, Links* links) const {
  if ((*budget)-- == 0) return damaged("a group's tree has more nodes than the file can hold");
  Cursor at(bytes_, node);
  const bool signed_node = at.expect("TREE");
  const int type = at.u8(), found = at.u8(), count = at.u16();
  at.skip(16 + 8);
  if (!at.ok() || !signed_node || type != 0 || (level >= 0 && found != level))
    return damaged("a group's tree is broken");
  absl::StatusOr<std::string_view> names = local_heap(heap);
  if (!names.ok()) return names.status();
  for (int i = 0; i < count; ++i) {
    const uint64_t child = at.u64();
    at.skip(8);
    if (!at.ok()) return damaged("a group's tree is cut short");
    absl::Status s = found > 0 ? walk_group(child, heap, found - 1, budget, links) : read_symbols(child, *names, links);
    if (!s.ok()) return s;
    if (links->size() > kMaxStrings) return damaged("a group has too many members");
  }
  return absl::OkStatus();
}

absl::StatusOr<File::Links> File::links(uint64_t group) const {
  absl::StatusOr<std::vector<Message>> messages = read_object_header(bytes_, group);
  if (!messages.ok()) return messages.status();
  Links found;
  for (const Message& message : *messages) {
    Cursor at(message.data, 0);
    if (message.is(MessageType::kSymbolTable)) {
      const uint64_t tree = at.u64(), heap = at.u64();
      uint64_t budget = bytes_.size() / 24 + 1;
      if (absl::Status s = walk_group(tree, heap, -1, &budget, &found); !s.ok()) return s;
    } else if (message.is(MessageType::kLink)) {
      absl::StatusOr<Link> link = parse_link(message.data);
      if (!link.ok()) return link.status();
      if (link->address != kUndefined) found.emplace(link->name, link->address);
    } else if (message.is(MessageType::kLinkInfo)) {
      at.skip(1);
      if (at.u8() & 1) at.skip(8);
      if (at.u64() != kUndefined) {
        return absl::UnimplementedError("a group of HDF5's newest form; save with h5py's default settings");
      }
    } else if (message.is(MessageType::kLayout)) {
      return absl::InvalidArgumentError("expected a group, found a dataset");
    }
  }
  return found;
}

absl::StatusOr<uint64_t> File::find(const std::string& path) const {
  uint64_t address = root_;
  if (path.empty()) return address;
  for (const absl::string_view part : absl::StrSplit(path, '/')) {
    absl::StatusOr<Links> group = links(address);
    if (!group.ok()) return wrap(group.status(), path);
    const auto it = group->find(std::string(part));
    if (it == group->end()) return wrap(absl::NotFoundError("not in the file"), path);
    address = it->second;
  }
  return address;
}

absl::StatusOr<std::vector<std::string>> File::children(const std::string& path) const {
  absl::StatusOr<uint64_t> address = find(path);
  if (!address.ok()) return address.status();
  absl::StatusOr<Links> group = links(*address);
  if (!group.ok()) return wrap(group.status(), path);
  std::vector<std::string> names;
  for (const auto& [name, unused] : *group) names.push_back(name);
  return names;
}

absl::StatusOr<Array> File::read_at(uint64_t address) const {
  absl::StatusOr<DatasetHeader> header = read_dataset_header(bytes_, address);
  if (!header.ok()) return header.status();
  const Datatype& type = *header->type;
  if (type.kind != Datatype::Kind::kInteger && type.kind != Datatype::Kind::kFloat) {
    return absl::InvalidArgumentError("expected numbers, found text");
  }
  absl::StatusOr<uint64_t> count = count_elements(*header->shape);
  if (!count.ok()) return count.status();
  const uint64_t size = *count * type.size;
  const Layout& layout = *header->layout;
  std::string unpacked;
  std::string_view raw;
  if (size == 0) {
    raw = {};
  } else if (layout.kind == Layout::Kind::kCompact) {
    raw = layout.compact;
  } else if (layout.address == kUndefined) {
    return absl::InvalidArgumentError("the dataset was never written");
  } else if (layout.kind == Layout::Kind::kContiguous) {
    Cursor at(bytes_, layout.address);
    raw = at.take(layout.size);
    if (!at.ok())
      return damaged(absl::StrCat("data of ", layout.size, " bytes at ", layout.address, " lie outside the file"));
  } else {
    absl::StatusOr<std::string> chunks = read_chunks(bytes_, layout, *header->shape, type.size, header->filters);
    if (!chunks.ok()) return chunks.status();
    unpacked = *std::move(chunks);
    raw = unpacked;
  }
  if (raw.size() < size) return damaged(absl::StrCat("expected ", size, " bytes of data, found ", raw.size()));
  Array array;
  array.shape = *header->shape;
  array.data.resize(*count);
  for (uint64_t i = 0; i < *count; ++i) array.data[i] = decode_number(raw.data() + i * type.size, type);
  return array;
}

absl::StatusOr<Array> File::read(const std::string& path) const {
  absl::StatusOr<uint64_t> address = find(path);
  if (!address.ok()) return address.status();
  absl::StatusOr<Array> array = read_at(*address);
  if (!array.ok()) return wrap(array.status(), path);
  return array;
}

absl::StatusOr<bool> File::is_uint8(const std::string& path) const {
  absl::StatusOr<uint64_t> address = find(path);
  if (!address.ok()) return address.status();
  absl::StatusOr<DatasetHeader> header = read_dataset_header(bytes_, *address);
  if (!header.ok()) return wrap(header.status(), path);
  return header->type->kind == Datatype::Kind::kInteger && header->type->size == 1 && !header->type->is_signed;
}

absl::StatusOr<std::string> File::heap_object(std::string_view reference) const {
  Cursor ref(reference, 0);
  const uint32_t length = ref.u32();
  const uint64_t collection = ref.u64();
  const uint32_t wanted = ref.u32();
  if (length == 0) return std::string();
  Cursor at(bytes_, collection);
  const bool found = at.expect("GCOL");
  at.skip(4);
  const uint64_t size = at.u64();
  if (!found || !at.ok() || size < 16 || size - 16 > at.left()) return damaged("a text lies outside the file");
  const uint64_t end = collection + size;
  while (at.ok() && at.position() + 16 <= end) {
    const uint32_t index = at.u16();
    at.skip(6);
    const uint64_t object = at.u64();
    if (index == 0) break;
    if (object > at.left()) return damaged("a text reaches beyond the file");
    const std::string_view data = at.take((object + 7) & ~uint64_t{7});
    if (index == wanted) return std::string(data.substr(0, std::min<uint64_t>(length, object)));
  }
  return damaged("a text is missing");
}

absl::StatusOr<std::optional<std::vector<std::string>>> File::strings(const std::string& path,
                                                                      std::string_view attribute) const {
  absl::StatusOr<uint64_t> address = find(path);
  if (!address.ok()) return address.status();
  absl::StatusOr<std::vector<Message>> messages = read_object_header(bytes_, *address);
  if (!messages.ok()) return wrap(messages.status(), path);
  for (const Message& message : *messages) {
    if (!message.is(MessageType::kAttribute)) continue;
    absl::StatusOr<std::optional<Attribute>> found = parse_attribute(message.data, attribute);
    if (!found.ok()) return wrap(found.status(), path);
    if (!found->has_value()) continue;
    const Attribute& value = **found;
    absl::StatusOr<uint64_t> count = count_elements(value.shape);
    if (!count.ok()) return wrap(count.status(), path);
    std::vector<std::string> texts;
    // `layer_names` of a model without layers, or `weight_names` of a layer without weights, is an empty float array.
    if (*count == 0) return texts;
    const bool fixed = value.type.kind == Datatype::Kind::kFixedString;
    if ((!fixed && value.type.kind != Datatype::Kind::kVariableString) || value.type.size == 0 ||
        *count > value.data.size() / value.type.size) {
      return wrap(absl::InvalidArgumentError(absl::StrCat("attribute '", std::string(attribute), "' is not text")),
                  path);
    }
    for (uint64_t i = 0; i < *count; ++i) {
      const std::string_view raw = value.data.substr(i * value.type.size, value.type.size);
      absl::StatusOr<std::string> text =
          fixed ? std::string(raw.substr(0, strnlen(raw.data(), raw.size()))) : heap_object(raw);
      if (!text.ok()) return wrap(text.status(), path);
      texts.push_back(*std::move(text));
    }
    return texts;
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<std::string>> File::text(const std::string& path, std::string_view attribute) const {
  absl::StatusOr<std::optional<std::vector<std::string>>> found = strings(path, attribute);
  if (!found.ok()) return found.status();
  if (!found->has_value() || (*found)->size() != 1) return std::nullopt;
  return (*found)->front();
}

}  // namespace strobe::import::hdf5
