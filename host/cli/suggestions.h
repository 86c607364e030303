#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace strobe::cli {

/// The one of `words` that `typed` was probably meant to be: at most a third of its letters away. Empty: none is near.
std::string nearest_word(const std::string& typed, const std::vector<std::string>& words);

/// What to say, on one line, of words on the command line that nothing expects: an unknown command with the list of
/// them, or options of the chosen command that it does not have, each with the nearest that it has.
/// `extras` are those words. Empty: there is nothing better to say than the parser does.
std::string explain_extras(const CLI::App& app, const std::vector<std::string>& extras);

}  // namespace strobe::cli
