#include "controller/app/pin.h"

#include <boost/json/parse.hpp>

#include "controller/model/value.h"

namespace plumb::app {
namespace {

constexpr std::string_view kKey = "pin";

}  // namespace

Result<std::optional<Pin>> read_pin(StateStore& store) {
  PLUMB_TRY(const auto item, store.get(kKey));
  if (!item) return std::optional<Pin>();
  boost::system::error_code error;
  const Value json = boost::json::parse(item->value, error);
  Pin pin;
  pin.commit = error ? "" : text_at(json, "/commit").value_or("");
  const auto at = error ? std::nullopt : parse_time(text_at(json, "/at").value_or(""));
  if (pin.commit.empty() || !at)
    return fail(Fault::invalid,
                "the record of the rollback in the state store cannot be read; `plumbline rollback "
                "--release` ends it");
  pin.at = *at;
  pin.reason = text_at(json, "/reason").value_or("");
  pin.actor = text_at(json, "/actor").value_or("");
  return std::optional(std::move(pin));
}

StateStore::Put put_of(const Pin& pin) {
  return {std::string(kKey),
          canonical(Object{
              {"commit", pin.commit}, {"reason", pin.reason}, {"actor", pin.actor}, {"at", format_time(pin.at)}})};
}

StateStore::Put removal_of_pin() { return {std::string(kKey), std::nullopt}; }

}  // namespace plumb::app
