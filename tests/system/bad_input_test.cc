/// What the program says to bad input: one line that names object, expectation and finding; exit status 1 (2 for wrong
/// usage); and no half a file.

#include <array>
#include <cmath>

#include "host/io/files.h"
#include "tests/system/program_fixture.h"

namespace strobe {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class BadInput : public ProgramTest {
 protected:
  void expect_problem(const std::string& arguments, const testing::Matcher<const std::string&>& message) {
    EXPECT_EQ(strobe(arguments), 1) << arguments << "\n" << error_;
    EXPECT_THAT(error_, message) << arguments;
    EXPECT_FALSE(fs::exists(file("x.xclbin"))) << arguments;
    EXPECT_FALSE(fs::exists(file("s.npy"))) << arguments;
  }

  std::string compile(const std::string& model, const std::string& options = "") const {
    return "compile " + model + " " + options + " --target emulator -o " + file("x.xclbin");
  }
};

TEST_F(BadInput, WrongUsageExitsWithTwo) {
  EXPECT_EQ(strobe(""), 2);
  EXPECT_EQ(strobe("fly"), 2);
  EXPECT_EQ(strobe("compile"), 2);
  EXPECT_EQ(strobe("compile a.keras -o b --target moon"), 2);
  EXPECT_EQ(strobe("--help"), 0);
}

TEST_F(BadInput, UnknownWordsAreNamedWithTheNearestThatExist) {
  EXPECT_EQ(strobe("foo"), 2);
  EXPECT_THAT(error_, AllOf(HasSubstr("unknown command 'foo'"), HasSubstr("compile, inspect"), HasSubstr("serve")));
  EXPECT_EQ(strobe("complie a.keras -o b"), 2);
  EXPECT_THAT(error_, HasSubstr("did you mean compile?"));
  EXPECT_EQ(strobe("run a.xclbin --devcie xrt:0 b.npy"), 2);
  EXPECT_THAT(error_, AllOf(HasSubstr("unknown option '--devcie'"), HasSubstr("did you mean --device?"),
                            testing::Not(HasSubstr("b.npy"))));
  EXPECT_EQ(strobe("inspect a.xclbin b.xclbin"), 2);
  EXPECT_THAT(error_, HasSubstr("unexpected argument 'b.xclbin'"));
}

TEST_F(BadInput, CurvesWithoutLabelsAreRefusedBeforeTheRun) {
  expect_problem("check " + sample() + " " + kSampleData + "features.npy --raw-in --roc " + file("roc.svg"),
                 AllOf(HasSubstr("--roc"), HasSubstr("--labels")));
  EXPECT_EQ(output_, "");
  EXPECT_FALSE(fs::exists(file("roc.svg")));
}

TEST_F(BadInput, ClassNamesMustBeAsManyAsTheClasses) {
  expect_problem("check " + sample() + " " + kSampleData + "features.npy --raw-in --classes g,q,t",
                 AllOf(HasSubstr("3 names"), HasSubstr("expected 5"), HasSubstr("'scores'")));
}

TEST_F(BadInput, AConfigurationsProjectSettingsNameTheOptionsInstead) {
  put("c.yml", "ClockPeriod: 5\nPart: xcu250\nHLSConfig: {Model: {Precision: 'ap_fixed<16,6>'}}");
  EXPECT_EQ(strobe("compile " + kSampleData + "jets_float.keras --config " + file("c.yml") + " --target emulator -o " +
                   file("c.xclbin")),
            0)
      << error_;
  EXPECT_THAT(error_, AllOf(HasSubstr("ClockPeriod (use strobe compile --clock"), HasSubstr("--board")));
}

TEST_F(BadInput, NamesOfKernels) {
  put("f.txt", "x0 + 1");
  const std::string f = file("f.txt"), is_no_name = "is no name; expected NAME=FILE";
  expect_problem(compile("my-model=" + f), AllOf(HasSubstr("'my-model'"), HasSubstr(is_no_name)));
  expect_problem(compile("2nd=" + f), AllOf(HasSubstr("'2nd'"), HasSubstr(is_no_name)));
  expect_problem(compile("=" + f), HasSubstr(is_no_name));
  expect_problem(compile("a="), HasSubstr("MODEL 'a=': names no file"));
  expect_problem(compile("''"), HasSubstr("MODEL '': names no file"));
  expect_problem(compile("a=" + file("missing.txt")), HasSubstr("missing.txt"));
  // What generated C++ makes one name of.
  for (const auto& [one, other, both] :
       {std::array{"A", "a", "a"}, {"a__b", "a_b_", "a_b"}, {"SELECT", "select", "select_"}}) {
    expect_problem(compile(std::string(one) + "=" + f + " " + other + "=" + f),
                   AllOf(HasSubstr(std::string(one) + "="), HasSubstr(std::string(other) + "="),
                         HasSubstr("both become kernel '" + std::string(both) + "'")));
  }
  EXPECT_EQ(strobe(compile("select=" + f)), 0) << error_;
  EXPECT_THAT(error_,
              HasSubstr("warning: 'select' is no name that generated C++ can take; the kernel is called 'select_'"));
  EXPECT_EQ(strobe(compile("plain=" + f)), 0) << error_;
  EXPECT_EQ(error_, "");
}

TEST_F(BadInput, ModelFilesThatAreNone) {
  expect_problem(compile(file("missing.keras")), HasSubstr("missing.keras"));
  for (const char* ending : {"keras", "h5", "json", "onnx"}) {
    const std::string name = std::string("bad.") + ending;
    put(name, "");
    expect_problem(compile(file(name)), HasSubstr(name));
    put(name, "not a model at all, only some text that is long enough to be looked at");
    expect_problem(compile(file(name)), HasSubstr(name));
  }
  const std::string whole = slurp(kSampleData + "jets_hgq.keras");
  for (const size_t size : {size_t{4}, size_t{100}, whole.size() / 2, whole.size() - 1}) {
    put("cut.keras", whole.substr(0, size));
    expect_problem(compile(file("cut.keras")), HasSubstr("cut.keras"));
  }
}

TEST_F(BadInput, ConfigurationsThatAreImpossible) {
  const std::string model = kSampleData + "jets_float.keras";
  const auto expect_config = [&](const std::string& yaml, const testing::Matcher<const std::string&>& message) {
    put("c.yml", yaml);
    expect_problem(compile(model, "--config " + file("c.yml")), message);
  };
  expect_config("", HasSubstr("empty"));
  expect_config("Model: [", HasSubstr("c.yml"));
  expect_config("Model: {Precision: 'ap_fixed<0,6>'}", AllOf(HasSubstr("c.yml:1"), HasSubstr("width")));
  expect_config("Model: {Precision: 'ap_fixed<16,6>', ReuseFactor: 0}", HasSubstr("ReuseFactor"));
  expect_config("Model: {Precision: 'ap_fixed<16,6>', Strategy: Teleport}", HasSubstr("Teleport"));
  expect_config("Model: {Precision: 'ap_fixed<16,6>'}\nLayerName: {nobody: {ReuseFactor: 2}}",
                AllOf(HasSubstr("nobody"), HasSubstr("it has:")));
  expect_config("Model: {Precision: 'ap_fixed<16,6>'}\nLayerType: {Softmax: {TableSize: 1000}}",
                HasSubstr("power of two"));
}

TEST_F(BadInput, FormulasThatAreNone) {
  const auto expect_formula = [&](const std::string& text, const testing::Matcher<const std::string&>& message) {
    put("f.txt", text);
    expect_problem(compile(file("f.txt")), AllOf(HasSubstr("f.txt"), message));
  };
  expect_formula("", HasSubstr("empty file"));
  expect_formula("# nothing\n", HasSubstr("no expression"));
  expect_formula("x0 + (x1 * 2", HasSubstr("line 1, column 6: bracket '(' is never closed"));
  expect_formula("x0 + 1\nwobble(x1)", HasSubstr("line 2, column 1: no function is called 'wobble'"));
  expect_formula("x0 + speed", HasSubstr("line 1, column 6: 'speed' is neither"));
  expect_formula(std::string(10'000'000, '('), HasSubstr("brackets inside one another"));
  put("f.txt", "x0 / x1");
  expect_problem(compile(file("f.txt")), HasSubstr("contains zero"));
  put("c.yml", "Formula: {OutputType: 'ap_fixed<6,3>'}");
  put("f.txt", "x0 * x0");
  expect_problem(compile(file("f.txt"), "--config " + file("c.yml")), HasSubstr("overflow ap_fixed<6,3>"));
  expect_problem(compile(file("f.txt"), "--select loss"), HasSubstr("nothing to choose from"));
  put("h.csv", "Complexity,Loss,Equation\n1,0.5,\"x0 + 1\"\n");
  expect_problem(compile(file("h.csv"), "--select number=2"), HasSubstr("rows are 1 to 1"));
  expect_problem(compile(kSampleData + "jets_hgq.keras", "--select loss"), HasSubstr("no formula"));
}

TEST_F(BadInput, ATypeTooNarrowForTheWeightsIsAWarningWithCounts) {
  put("c.yml", "Model: {Precision: {default: 'ap_fixed<16,6>', weight: 'ap_fixed<4,1>'}}");
  EXPECT_EQ(strobe("compile " + kSampleData + "jets_float.keras --config " + file("c.yml") + " --target emulator -o " +
                   file("narrow.xclbin")),
            0)
      << error_;
  EXPECT_THAT(error_, AllOf(HasSubstr("warning"), HasSubstr("do not fit ap_fixed<4,1>")));
}

TEST_F(BadInput, EventFiles) {
  const std::string xclbin = sample();
  const auto run = [&](const std::string& events) { return "run " + xclbin + " " + events + " -o " + file("s.npy"); };
  expect_problem(run(file("none.npy")), HasSubstr("none.npy"));
  put("cut.npy", slurp(kSampleData + "features.npy").substr(0, 1000));
  expect_problem(run(file("cut.npy")), HasSubstr("cut.npy"));
  put("few.csv", "1,2,3\n4,5,6\n");
  expect_problem(run(file("few.csv")), AllOf(HasSubstr("expected [events, 16]"), HasSubstr("3")));
  put("bad.csv", "1,2\n3,x\n");
  expect_problem(run(file("bad.csv")), HasSubstr("bad.csv"));
  std::vector<double> values(32, 0.0);
  values[17] = std::nan("");
  ASSERT_TRUE(io::write_npy(file("nan.npy"), io::Array::of({2, 16}, values)).ok());
  expect_problem(run(file("nan.npy")), AllOf(HasSubstr("features"), HasSubstr("nan")));
  ASSERT_TRUE(io::write_npy(file("floats.npy"), io::Array::of({2, 16}, std::vector<double>(32, 0.5))).ok());
  expect_problem(run(file("floats.npy") + " --raw-in"), HasSubstr("integers"));
  put("odd.txt2", "?");
  expect_problem(run(file("odd.txt2")), HasSubstr(".npy"));
}

TEST_F(BadInput, Xclbins) {
  const std::string events = kSampleData + "features.npy --raw-in -o " + file("s.npy");
  expect_problem("run " + file("none.xclbin") + " " + events, HasSubstr("none.xclbin"));
  put("text.xclbin", "hello");
  expect_problem("run " + file("text.xclbin") + " " + events, HasSubstr("text.xclbin"));
  const std::string whole = slurp(sample());
  put("cut.xclbin", whole.substr(0, whole.size() / 2));
  expect_problem("run " + file("cut.xclbin") + " " + events, HasSubstr("cut.xclbin"));
  std::string changed = whole;
  changed[changed.size() - 20] = static_cast<char>(changed[changed.size() - 20] ^ 1);
  put("changed.xclbin", changed);
  expect_problem("inspect " + file("changed.xclbin"), HasSubstr("changed.xclbin"));
}

TEST_F(BadInput, Devices) {
  const std::string xclbin = sample();
  const std::string events = " " + kSampleData + "features.npy --raw-in -o " + file("s.npy");
  expect_problem("run " + xclbin + events + " --device warp:9", HasSubstr("warp:9"));
  expect_problem("run " + xclbin + events + " --device xrt:0", HasSubstr("emulator"));
}

TEST_F(BadInput, AFolderThatCannotBeWritten) {
  EXPECT_EQ(
      strobe(compile(kSampleData + "jets_hgq.keras").substr(0, compile(kSampleData + "jets_hgq.keras").find(" -o ")) +
             " -o " + file("no/such/folder/x.xclbin")),
      1);
  EXPECT_THAT(error_, HasSubstr("no/such/folder"));
}

TEST_F(BadInput, ADamagedKernelInTheCacheIsBuiltAnew) {
  const std::string cache = "XDG_CACHE_HOME=" + file("cache") + " ";
  const std::string command = cache + STROBE_PROGRAM " compile " + kSampleData + "jets_hgq.keras --target sw_emu -o ";
  ASSERT_EQ(std::system((command + file("first.xclbin") + " >/dev/null 2>&1").c_str()), 0);
  for (const auto& entry : fs::recursive_directory_iterator(file("cache"))) {
    if (entry.path().extension() == ".so") fs::resize_file(entry.path(), 20000);
  }
  ASSERT_EQ(std::system((command + file("second.xclbin") + " >/dev/null 2>&1").c_str()), 0);
  EXPECT_EQ(slurp(file("first.xclbin")), slurp(file("second.xclbin")));
}

TEST_F(BadInput, OutputThatCannotBeWrittenIsNoSuccess) {
  const std::string xclbin = sample();
  EXPECT_NE(std::system((STROBE_PROGRAM " inspect " + xclbin + " >/dev/full 2>/dev/null").c_str()), 0);
}

TEST_F(BadInput, ServingAFolderThatIsNotThere) {
  expect_problem("serve " + file("nothing") + " --grpc 127.0.0.1:0", HasSubstr("nothing"));
}

TEST_F(BadInput, ServingAFolderWithoutAUsableModelListsWhatIsThere) {
  fs::create_directories(file("models/jets"));
  fs::create_directories(file("models/broken/1"));
  put("models/model.xclbin", "misplaced");
  put("models/broken/1/model.xclbin", "no xclbin");
  expect_problem("serve " + file("models") + " --grpc 127.0.0.1:0",
                 AllOf(HasSubstr("expected NAME/VERSION/model.xclbin"), HasSubstr("jets/"),
                       HasSubstr("found broken/1/model.xclbin, jets/, model.xclbin")));
  fs::create_directories(file("empty"));
  expect_problem("serve " + file("empty") + " --grpc 127.0.0.1:0", HasSubstr("found nothing"));
}

}  // namespace
}  // namespace strobe
