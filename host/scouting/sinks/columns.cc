#include "host/scouting/sinks/columns.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "host/scouting/formats/extract.h"
#include "host/scouting/sinks/aside_file.h"

namespace strobe::scouting {
namespace {

using Element = runtime::ElementKind;

Element element_of(FieldType type) {
  switch (type) {
    case FieldType::kInt8:
      return Element::kInt8;
    case FieldType::kUint8:
      return Element::kUint8;
    case FieldType::kInt16:
      return Element::kInt16;
    case FieldType::kUint16:
      return Element::kUint16;
  }
  return Element::kUint16;
}

/// Room for `bytes` more at the end of a column, to be written.
std::byte* grow(Buffer<std::byte>& column, size_t bytes) {
  const size_t before = column.size();
  column.resize(before + bytes);
  return column.data() + before;
}

template <typename T>
T* grow(Buffer<std::byte>& column, size_t count) {
  return reinterpret_cast<T*>(grow(column, count * sizeof(T)));
}

template <typename T>
void append_value(Buffer<std::byte>& column, T value) {
  std::memcpy(grow(column, sizeof value), &value, sizeof value);
}

/// The words of the objects in `runs`, one after the other.
template <typename Word>
void gather(const Collection& collection, const Buffer<Word>& words, std::span<const Run> runs, Buffer<Word>& to) {
  to.clear();
  for (const Run& run : runs) {
    const uint32_t begin = collection.first[run.begin];
    to.append(words.view().subspan(begin, collection.first[run.end] - begin));
  }
}

/// "results/dimuon/score": the parts between slashes are safe as names of files and groups.
std::string result_path(const std::string& name) {
  std::vector<std::string> parts;
  for (const absl::string_view part : absl::StrSplit(name, '/', absl::SkipEmpty())) {
    parts.push_back(file_safe(std::string(part)));
  }
  return absl::StrCat("results/", absl::StrJoin(parts, "/"));
}

}  // namespace

absl::StatusOr<Columns> Columns::create(const SinkSetup& setup) {
  Columns columns;
  columns.objects_ = setup.objects;
  columns.results_ = setup.results;
  for (size_t s = 0; setup.objects && s < setup.sources.size(); ++s) {
    columns.parts_.push_back({setup.sources[s], columns.list_.size()});
    for (const ObjectFormat* object : setup.sources[s]->collections) {
      const std::string path = absl::StrCat(file_safe(setup.source_names[s]), "/", std::string(object->name), "/");
      columns.add(absl::StrCat(path, "count"), Element::kUint16);
      for (const Field& field : object->fields) {
        columns.add(absl::StrCat(path, std::string(field.name)), element_of(field.type()), 1, &field);
      }
    }
  }
  columns.first_result_ = columns.list_.size();
  for (const ResultFormat& result : setup.results) {
    columns.add(absl::StrCat(result_path(result.name), "/values"), result.element, result.elements);
    columns.add(absl::StrCat(result_path(result.name), "/crossing"), Element::kUint64);
  }
  columns.first_crossing_ = columns.add("crossings/orbit", Element::kUint32);
  columns.add("crossings/bx", Element::kUint16);
  columns.first_orbit_ = columns.add("orbits/number", Element::kUint32);
  columns.add("orbits/complete", Element::kUint8);
  columns.add("orbits/sources", Element::kUint32);
  columns.add("orbits/crossings", Element::kUint16);
  std::set<std::string> paths;
  for (const Column& column : columns.list_) {
    if (paths.insert(column.path).second) continue;
    return absl::InvalidArgumentError(absl::StrCat("sink: two columns would be called '", column.path,
                                                   "': sources and results need different names"));
  }
  return columns;
}

size_t Columns::add(std::string path, Element element, size_t elements, const Field* field) {
  list_.push_back({std::move(path), element, elements, field});
  return list_.size() - 1;
}

uint64_t Columns::append(const FinishedOrbit& orbit, uint64_t crossings, std::span<Buffer<std::byte>> buffers) {
  uint64_t objects = 0;
  uint32_t sources = 0;
  for (size_t s = 0; s < orbit.parts.size(); ++s) {
    const SourceOrbit* part = orbit.parts[s];
    sources |= part != nullptr && s < 32 ? 1u << s : 0;
    if (!objects_) continue;
    runs_.clear();
    if (part != nullptr) kept_runs(orbit, *part, runs_);
    size_t column = parts_[s].first;
    for (size_t k = 0; k < parts_[s].format->collections.size(); ++k) {
      append_counts(orbit, part, k, buffers[column]);
      if (part != nullptr) append_fields(part->collections[k], buffers.subspan(column + 1));
      column += 1 + parts_[s].format->collections[k]->fields.size();
    }
    if (part != nullptr) objects += kept_objects(*part, runs_.view());
  }
  append_results(orbit, crossings, buffers);
  auto* number = grow<uint32_t>(buffers[first_crossing_], orbit.kept);
  std::fill(number, number + orbit.kept, orbit.number);
  auto* bx = grow<uint16_t>(buffers[first_crossing_ + 1], orbit.kept);
  if (orbit.kept == orbit.crossings.size()) {
    if (orbit.kept > 0) std::memcpy(bx, orbit.crossings.data(), orbit.crossings.size_bytes());
  } else {
    for (size_t c = 0; c < orbit.crossings.size(); ++c) {
      if (orbit.keep[c]) *bx++ = orbit.crossings[c];
    }
  }
  append_value(buffers[first_orbit_], orbit.number);
  append_value(buffers[first_orbit_ + 1], static_cast<uint8_t>(orbit.complete));
  append_value(buffers[first_orbit_ + 2], sources);
  append_value(buffers[first_orbit_ + 3], static_cast<uint16_t>(orbit.kept));
  return objects;
}

void Columns::append_counts(const FinishedOrbit& orbit, const SourceOrbit* part, size_t collection,
                            Buffer<std::byte>& to) {
  auto* count = grow<uint16_t>(to, orbit.kept);
  if (part == nullptr) {
    std::fill(count, count + orbit.kept, uint16_t{0});
    return;
  }
  const Buffer<uint32_t>& first = part->collections[collection].first;
  const size_t own = part->crossings.size();
  if (orbit.kept == own && orbit.crossings.size() == own) {
    const uint32_t* __restrict begin = first.data();  // said apart, or the compiler does not use vectors
    uint16_t* __restrict to_all = count;
    for (size_t c = 0; c < own; ++c) to_all[c] = static_cast<uint16_t>(begin[c + 1] - begin[c]);
    return;
  }
  size_t at = 0;
  for (size_t c = 0; c < orbit.crossings.size(); ++c) {
    const bool has = at < own && part->crossings[at] == orbit.crossings[c];
    if (orbit.keep[c]) *count++ = has ? static_cast<uint16_t>(first[at + 1] - first[at]) : uint16_t{0};
    at += has;
  }
}

void Columns::append_fields(const Collection& collection, std::span<Buffer<std::byte>> to) {
  const ObjectFormat& format = *collection.format;
  const bool all = runs_.size() == 1 && runs_[0].begin == 0 && runs_[0].end + 1 == collection.first.size();
  if (!all) {
    kept_.format = &format;
    for (size_t word = 0; word < format.word_bits.size(); ++word) {
      if (format.word_bits[word] == 64) gather(collection, collection.wide[word], runs_.view(), kept_.wide[word]);
      if (format.word_bits[word] == 32) gather(collection, collection.narrow[word], runs_.view(), kept_.narrow[word]);
    }
    kept_.first.clear();
    kept_.first.push_back(0);
    for (const Run& run : runs_) {
      kept_.first.push_back(kept_.first.back() + collection.first[run.end] - collection.first[run.begin]);
    }
  }
  const Collection& source = all ? collection : kept_;
  targets_.clear();
  for (size_t f = 0; f < format.fields.size(); ++f) {
    targets_.push_back(grow(to[f], source.objects() * size_of(format.fields[f].type())));
  }
  extract_all(source, targets_);
}

void Columns::append_results(const FinishedOrbit& orbit, uint64_t crossings, std::span<Buffer<std::byte>> buffers) {
  if (results_.empty()) return;
  rows_.resize(orbit.crossings.size());
  for (size_t c = 0; c < orbit.crossings.size(); ++c) {
    rows_[c] = crossings;
    crossings += orbit.keep[c] != 0;
  }
  for (size_t r = 0; r < results_.size(); ++r) {
    const Result& result = orbit.results[r];
    const size_t row_bytes = results_[r].elements * byte_size(results_[r].element);
    Buffer<std::byte>& values = buffers[first_result_ + 2 * r];
    Buffer<std::byte>& crossing = buffers[first_result_ + 2 * r + 1];
    if (orbit.kept == orbit.crossings.size()) values.append(result.bytes);
    for (size_t i = 0; i < result.rows.size(); ++i) {
      if (!orbit.keep[result.rows[i]]) continue;
      if (orbit.kept != orbit.crossings.size()) values.append(result.bytes.subspan(i * row_bytes, row_bytes));
      append_value(crossing, rows_[result.rows[i]]);
    }
  }
}

}  // namespace strobe::scouting
