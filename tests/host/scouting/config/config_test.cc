#include "host/scouting/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace strobe::scouting {
namespace {

using testing::HasSubstr;

const std::string kSource = "sources:\n  - {format: gmt, from: muons.dat}\n";

std::string error_of(const std::string& yaml) {
  const auto config = parse_config(yaml, "node.yml");
  return config.ok() ? "none" : std::string(config.status().message());
}

TEST(ScoutConfig, HasSensibleDefaults) {
  const auto config = parse_config(kSource, "node.yml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->sources[0].name, "gmt");
  EXPECT_EQ(config->sources[0].passes, 1);
  EXPECT_EQ(config->sinks.size(), 1);
  EXPECT_EQ(config->sinks[0].settings.kind, "none");
  EXPECT_FALSE(config->drop_when_slow);
  EXPECT_TRUE(config->write_objects);
}

TEST(ScoutConfig, ReadsEveryKey) {
  const auto config = parse_config(R"(
run: 325099
first_crossing: 1
sources:
  - {name: muons, format: gmt, from: "tcp-listen://127.0.0.1:0", buffer_mebibytes: 16, core: 1}
  - {format: calo, from: calo.dat.gz, rate: 1.5, passes: 0, every: 6}
join: {timeout_ms: 250, incomplete: drop}
models:
  - {name: a, xclbin: a.xclbin, kernel: k, device: emulator, slots: 2, threads: 2, inputs: {x: [bx]}, encoding: raw}
  - {name: b, xclbin: b.xclbin, shadow_of: a, inputs: {x: [bx]}}
batch_orbits: 4
batches: 2
results: {scores: raw, objects: false, values: [m]}
histograms:
  - {value: m, low: -1, high: 120.5, bins: 60}
write:
  - {kind: raw, to: out}
  - {kind: hdf5, to: out, compression: none}
slow: drop
queue_orbits: 100
threads: {work: own, work_core: 0, write_core: 1}
retry_seconds: 3
quarantine: bad.bin
quarantine_mebibytes: 2
account: {file: account.json, orbits: orbits.csv}
control: 127.0.0.1:0
)",
                                   "node.yml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->run, 325099);
  EXPECT_EQ(config->first_crossing, 1);
  EXPECT_EQ(config->sources[1].rate, 1.5);
  EXPECT_EQ(config->sources[1].passes, 0);
  EXPECT_EQ(config->sources[1].every, 6);
  EXPECT_FALSE(config->keep_incomplete);
  EXPECT_EQ(config->models[1].shadow_of, "a");
  EXPECT_EQ(config->models[0].kernel, "k");
  EXPECT_TRUE(config->results_raw);
  EXPECT_FALSE(config->write_objects);
  EXPECT_EQ(config->histograms[0].bins, 60);
  EXPECT_EQ(config->sinks[1].settings.kind, "hdf5");
  EXPECT_TRUE(config->drop_when_slow);
  EXPECT_TRUE(config->own_thread);
  EXPECT_EQ(config->orbits_file, "orbits.csv");
}

TEST(ScoutConfig, RefusesWithTheLine) {
  EXPECT_EQ(error_of("run: 1\n"), "node.yml:1: expected the key 'sources'");
  EXPECT_THAT(error_of("sources: []\n"), HasSubstr("node.yml:1: sources: expected at least one"));
  EXPECT_THAT(error_of("sources:\n  - {from: x}\n"), HasSubstr("node.yml:2: source 1: expected the key 'format'"));
  EXPECT_THAT(error_of("sources:\n  - format: gmd\n    from: x\n"),
              HasSubstr("node.yml:2: unknown format 'gmd'; expected gmt, "));
  EXPECT_THAT(error_of(kSource + "  - {format: gmt, from: x}\n"),
              HasSubstr("node.yml:3: two sources are called 'gmt'"));
  EXPECT_THAT(error_of(kSource + "slwo: drop\n"), HasSubstr("node.yml:3: unknown key 'slwo'; expected account, "));
  EXPECT_THAT(error_of(kSource + kSource), HasSubstr("node.yml:3: the key 'sources' is there twice"));
  EXPECT_THAT(error_of("sources:\n  - {format: gmt, from: x, from: y}\n"),
              HasSubstr("node.yml:2: source 1: the key 'from' is there twice"));
  EXPECT_THAT(error_of(kSource + "slow: stop\n"), HasSubstr("node.yml:3: slow: expected block, drop, found 'stop'"));
  EXPECT_THAT(error_of(kSource + "batches: -1\n"),
              HasSubstr("node.yml:3: batches: expected a whole number from 1 to 64, found '-1'"));
  EXPECT_THAT(error_of(kSource + "batches: 1.5\n"), HasSubstr("expected a whole number"));
  EXPECT_THAT(error_of(kSource + "write:\n  - {kind: raw}\n"), HasSubstr("node.yml:4: write 1: expected the key 'to'"));
  EXPECT_THAT(error_of(kSource + "models:\n  - {name: a, xclbin: a}\n  - {name: b, xclbin: b, shadow_of: c}\n"),
              HasSubstr("node.yml:5: expected the name of a model above, found 'c'"));
  EXPECT_THAT(error_of(kSource + "histograms:\n  - {value: m, low: 2, high: 1}\n"), HasSubstr("expected low < high"));
  EXPECT_THAT(error_of("a: [1\nb"), HasSubstr("not YAML"));
  EXPECT_THAT(error_of("just text"), HasSubstr("expected a map of settings"));
  EXPECT_THAT(error_of("sources: 3\n"), HasSubstr("sources: expected a list"));
  EXPECT_THAT(error_of("sources:\n  - {format: gmt, from: x, name: " + std::string(65, 'n') + "}\n"),
              HasSubstr("node.yml:2: source 1: name: expected a name of 1 to 64 bytes, found 65: 'nnn"));
  EXPECT_THAT(error_of(kSource + "models:\n  - {name: '', xclbin: x}\n"),
              HasSubstr("node.yml:4: model 1: name: expected a name of 1 to 64 bytes, found 0"));
  const std::string shown = error_of(kSource + "slow: " + std::string(5000, 's') + "\n");
  EXPECT_THAT(shown, HasSubstr("node.yml:3: slow: expected block, drop, found 'sss"));
  EXPECT_LT(shown.size(), 200u);
}

TEST(ScoutConfig, HasALimitOfItsSize) {
  EXPECT_EQ(error_of(kSource + "# " + std::string(20 << 20, 'x')),
            "node.yml:1: expected a configuration of at most 1048576 bytes, found 20971566");
  EXPECT_EQ(error_of(kSource + "# " + std::string((1 << 20) - kSource.size() - 2, 'x')), "none");
  // Whatever the megabyte consists of, it is refused in time and without running out of stack.
  for (const char* piece : {"[", "{", "- ", "? ", "a: &a *a\n", "'", "\n", "!", "|", "{a: [", "\t", "&"}) {
    std::string text;
    while (text.size() + 10 < (1 << 20)) text += piece;
    EXPECT_NE(error_of(text), "none") << piece;
  }
}

}  // namespace
}  // namespace strobe::scouting
