#pragma once

#include <hdf5.h>

#include <functional>
#include <map>

#include "host/io/files.h"
#include "sink_fixture.h"

/// Columns of a file or folder as numbers, and what they must be.
namespace strobe::scouting {

/// By path, "muons/muon/pt": all elements.
using Table = std::map<std::string, std::vector<double>>;

inline Table read_npy_folder(const std::filesystem::path& folder) {
  Table table;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".npy") continue;
    const auto array = io::read_npy(entry.path().string());
    EXPECT_TRUE(array.ok()) << array.status();
    if (!array.ok()) continue;
    table[std::filesystem::relative(entry.path(), folder).replace_extension("").string()] = array->numbers();
  }
  return table;
}

inline herr_t read_dataset(hid_t file, const char* name, const H5O_info_t* info, void* target) {
  if (info->type != H5O_TYPE_DATASET) return 0;
  const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(dataset);
  std::vector<double>& values = (*static_cast<Table*>(target))[name];
  values.resize(static_cast<size_t>(H5Sget_simple_extent_npoints(space)));
  if (!values.empty()) {
    EXPECT_GE(H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0) << name;
  }
  H5Sclose(space);
  H5Dclose(dataset);
  return 0;
}

inline Table read_hdf5(const std::filesystem::path& path, unsigned flags = H5F_ACC_RDONLY) {
  Table table;
  const hid_t file = H5Fopen(path.c_str(), flags, H5P_DEFAULT);
  EXPECT_GE(file, 0) << path;
  if (file < 0) return table;
  EXPECT_GE(H5Ovisit1(file, H5_INDEX_NAME, H5_ITER_NATIVE, read_dataset, &table), 0);
  H5Fclose(file);
  return table;
}

/// Adds what the kept crossings of an orbit of one source of muons must add.
inline void expect_orbit(Table& table, const MuonOrbits::Made& made) {
  const SourceOrbit& part = made.part;
  const Collection& muons = part.collections[0];
  double kept = 0;
  for (size_t c = 0; c < part.crossings.size(); ++c) {
    if (!made.keep[c]) continue;
    kept += 1;
    table["crossings/orbit"].push_back(part.number);
    table["crossings/bx"].push_back(part.crossings[c]);
    table["muons/muon/count"].push_back(muons.first[c + 1] - muons.first[c]);
    for (const Field& field : muons.format->fields) {
      for (uint32_t i = muons.first[c]; i < muons.first[c + 1]; ++i) {
        int64_t value = muons.narrow[field.word][i] >> field.offset & ((1u << field.width) - 1);
        if (field.is_signed && value >> (field.width - 1)) value -= int64_t{1} << field.width;
        table["muons/muon/" + std::string(field.name)].push_back(static_cast<double>(value));
      }
    }
  }
  table["orbits/number"].push_back(part.number);
  table["orbits/complete"].push_back(1);
  table["orbits/sources"].push_back(1);
  table["orbits/crossings"].push_back(kept);
}

inline void expect_equal(const Table& found, const Table& expected) {
  EXPECT_EQ(found.size(), expected.size());
  for (const auto& [path, values] : expected) {
    const auto column = found.find(path);
    ASSERT_NE(column, found.end()) << path;
    ASSERT_EQ(column->second.size(), values.size()) << path;
    EXPECT_TRUE(column->second == values) << path;
  }
}

}  // namespace strobe::scouting
