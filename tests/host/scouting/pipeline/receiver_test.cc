#include "host/scouting/pipeline/receiver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace strobe::scouting {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Pieces of a stream, one a `fill`; "<break>" is a sender that goes.
class PieceSource : public ByteSource {
 public:
  explicit PieceSource(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}
  std::span<const std::byte> unread() const override { return std::as_bytes(std::span(unread_)); }
  void consume(size_t bytes) override { unread_.erase(0, bytes); }
  absl::StatusOr<Fill> fill(int) override {
    if (next_ == pieces_.size()) return Fill::kEnd;
    const std::string& piece = pieces_[next_++];
    if (piece == "<break>") return Fill::kBreak;
    if (piece == "<error>") return absl::InternalError("source 'test': read failed");
    unread_ += piece;
    return Fill::kMore;
  }
  void interrupt() override { next_ = pieces_.size(); }
  std::string name() const override { return "test"; }

 private:
  std::vector<std::string> pieces_;
  size_t next_ = 0;
  std::string unread_;
};

constexpr SourceFormat kLetters{"letters", Framing::kEvents, 1, {}, ""};

/// A format of letters: "3" to "9" an orbit of that number with two crossings, one of which is dropped for 'x' behind
/// it; "." nothing; "?" a bad byte; "(" needs a ")".
class LetterDecoder : public Decoder {
 public:
  const SourceFormat& format() const override { return kLetters; }
  size_t longest_bytes() const override { return 16; }
  Decoded decode(std::span<const std::byte> bytes, bool at_end, SourceOrbit& orbit) override {
    const char letter = static_cast<char>(bytes[0]);
    if (letter == '.') return {.kind = Decoded::Kind::kNothing, .consumed = 1};
    if (letter >= '0' && letter <= '9') {
      orbit.clear();
      orbit.number = static_cast<uint32_t>(letter - '0');
      orbit.crossings.push_back(5);
      orbit.crossings_in = 1;
      const bool touched = bytes.size() > 1 && static_cast<char>(bytes[1]) == 'x';
      if (touched) {
        orbit.crossings_in = 2;
        orbit.crossing_faults[static_cast<size_t>(Fault::kCrossingMismatch)] = 1;
        orbit.bad.push_back({Fault::kCrossingMismatch, {bytes[1]}});
      }
      return {.kind = Decoded::Kind::kOrbit, .consumed = touched ? 2u : 1u};
    }
    if (letter == '(' && !at_end && std::find(bytes.begin(), bytes.end(), std::byte{')'}) == bytes.end())
      return {.kind = Decoded::Kind::kNeedMore};
    if (letter == '(') {
      const size_t end = static_cast<size_t>(std::find(bytes.begin(), bytes.end(), std::byte{')'}) - bytes.begin());
      return {.kind = Decoded::Kind::kBad,
              .consumed = std::min(end + 1, bytes.size()),
              .fault = Fault::kTruncated,
              .orbits = 1,
              .detail = "cut"};
    }
    return {.kind = Decoded::Kind::kBad, .consumed = 1, .fault = Fault::kLostSync, .detail = "no letter of mine"};
  }
};

class Notes : public OrbitTaker {
 public:
  std::optional<Fault> take(size_t, SourceOrbitPtr orbit) override {
    if (orbit->number == refused_) return Fault::kDownstreamFull;
    numbers_ += std::to_string(orbit->number);
    return std::nullopt;
  }
  void idle(size_t) override { numbers_ += '|'; }
  void finish(size_t) override { numbers_ += '$'; }
  std::string numbers_;
  uint32_t refused_ = 99;
};

struct Outcome {
  std::string numbers;
  SourceAccount account;
  Quarantine::Counts quarantine;
  absl::Status status;
};

Outcome run(std::vector<std::string> pieces, uint32_t refused = 99, bool repeats = false) {
  Notes notes;
  notes.refused_ = refused;
  auto quarantine = *Quarantine::open("", 0, 1);
  Receiver receiver({.name = "letters",
                     .repeats = repeats,
                     .source = std::make_unique<PieceSource>(std::move(pieces)),
                     .decoder = std::make_unique<LetterDecoder>()},
                    *quarantine, notes);
  Outcome result;
  result.status = receiver.run();
  result.numbers = notes.numbers_;
  result.account = receiver.account();
  result.quarantine = quarantine->counts();
  EXPECT_TRUE(result.account.bytes.adds_up());
  EXPECT_TRUE(result.account.orbits.adds_up());
  EXPECT_TRUE(result.account.crossings.adds_up());
  EXPECT_EQ(result.account.bytes.held + result.account.orbits.held + result.account.crossings.held, 0);
  return result;
}

uint64_t fault(const FaultCounts& counts, Fault fault) { return counts[static_cast<size_t>(fault)]; }

TEST(Receiver, HandsOnOrbitsAndSaysWhenNothingMoreIsThere) {
  const Outcome result = run({"12", "3", ".", "4"});
  EXPECT_EQ(result.numbers, "12|3||4|$");
  EXPECT_EQ(result.account.bytes.in, 5);
  EXPECT_EQ(result.account.bytes.out, 5);
}

TEST(Receiver, CountsBadBytesAndBadCrossingsAndQuarantinesBoth) {
  const Outcome result = run({"1??2x(ab", "c)3"});
  EXPECT_EQ(result.numbers, "12|3|$");
  EXPECT_EQ(fault(result.account.bytes.dropped, Fault::kLostSync), 2);
  EXPECT_EQ(fault(result.account.bytes.dropped, Fault::kTruncated), 5);
  EXPECT_EQ(fault(result.account.orbits.dropped, Fault::kTruncated), 1);
  EXPECT_EQ(fault(result.account.crossings.dropped, Fault::kCrossingMismatch), 1);
  EXPECT_EQ(result.account.crossings.in, 4);
  EXPECT_EQ(result.quarantine.records, 4);
}

TEST(Receiver, DropsDuplicatesAndLateOrbits) {
  const Outcome result = run({"1", "2", "2", "5", "6", "4"});
  EXPECT_EQ(result.numbers, "|12|||56||$");  // the first waits for the second
  EXPECT_EQ(fault(result.account.orbits.dropped, Fault::kDuplicate), 1);
  EXPECT_EQ(fault(result.account.orbits.dropped, Fault::kOutOfSequence), 1);
  EXPECT_EQ(result.account.missing, 1);
}

TEST(Receiver, DecodesTheRestWhereASenderLeavesAndGoesOnWithTheNext) {
  const Outcome result = run({"1(ab", "<break>", "23"});
  EXPECT_EQ(result.numbers, "|1|23|$");
  EXPECT_EQ(fault(result.account.orbits.dropped, Fault::kTruncated), 1);
  EXPECT_EQ(result.account.breaks, 1);
}

TEST(Receiver, GoesOnCountingWhereAFileIsReadAgain) {
  EXPECT_EQ(run({"123", "<break>", "123"}, 99, true).numbers, "123||456|$");
}

TEST(Receiver, CountsWhatTheTakerRefuses) {
  const Outcome result = run({"123"}, 2);
  EXPECT_EQ(result.numbers, "13|$");
  EXPECT_EQ(fault(result.account.orbits.dropped, Fault::kDownstreamFull), 1);
  EXPECT_EQ(fault(result.account.crossings.dropped, Fault::kDownstreamFull), 1);
}

/// Pauses its receiver behind every orbit, until the receiver has nothing more to say.
class Pausing : public Notes {
 public:
  std::optional<Fault> take(size_t source, SourceOrbitPtr orbit) override {
    receiver_->pause(true);
    return Notes::take(source, std::move(orbit));
  }
  void idle(size_t source) override {
    receiver_->pause(false);
    Notes::idle(source);
  }
  Receiver* receiver_ = nullptr;
};

/// One whose bytes are all there at once, and their end with them.
class EndedSource : public PieceSource {
 public:
  explicit EndedSource(const std::string& bytes) : PieceSource({bytes}) {}
  absl::StatusOr<Fill> fill(int timeout_ms) override {
    const auto filled = PieceSource::fill(timeout_ms);
    return filled.ok() ? Fill::kEnd : filled;
  }
};

TEST(Receiver, LosesNothingWhenItIsPausedAtTheSourcesEnd) {
  Pausing pausing;
  auto quarantine = *Quarantine::open("", 0, 1);
  Receiver receiver({.name = "letters",
                     .source = std::make_unique<EndedSource>("1234"),
                     .decoder = std::make_unique<LetterDecoder>()},
                    *quarantine, pausing);
  pausing.receiver_ = &receiver;
  EXPECT_TRUE(receiver.run().ok());
  EXPECT_EQ(pausing.numbers_, "12|3|4$");
  EXPECT_EQ(receiver.account().bytes.out, 4);
}

TEST(Receiver, EndsWithTheSourcesErrorAndDecodesWhatCameBefore) {
  const Outcome result = run({"1(", "<error>"});
  EXPECT_THAT(std::string(result.status.message()), HasSubstr("read failed"));
  EXPECT_EQ(result.numbers, "|1$");
  EXPECT_EQ(fault(result.account.bytes.dropped, Fault::kTruncated), 1);
}

}  // namespace
}  // namespace strobe::scouting
