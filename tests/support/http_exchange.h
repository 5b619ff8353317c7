#pragma once

#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "controller/ports/event_loop.h"
#include "controller/ports/http_sender.h"

namespace plumb::test {

// Waits for the answer of a sender on a loop of its own.
inline HttpSender::Answer exchange(EventLoop& loop, HttpSender& sender, HttpRequest request,
                                   std::shared_ptr<const HttpRoute> route = {}, HttpLimits limits = {}) {
  const auto answer = std::make_shared<std::promise<HttpSender::Answer>>();
  auto future = answer->get_future();
  loop.post([&sender, request = std::move(request), route = std::move(route), limits, answer]() mutable {
    sender.send(std::move(request), std::move(route), limits,
                [answer](HttpSender::Answer came) { answer->set_value(std::move(came)); });
  });
  if (future.wait_for(std::chrono::seconds(40)) != std::future_status::ready)
    throw std::runtime_error("no answer came");
  return future.get();
}

inline Url url_of(const std::string& text) {
  auto url = parse_url(text);
  if (!url) throw std::runtime_error(url.error().message);
  return *url;
}

// For EXPECT: the status, or the stage and the text of the failure.
inline std::string told(const HttpSender::Answer& answer) {
  if (answer) return std::to_string(answer->status) + ' ' + answer->body;
  static constexpr const char* kStages[] = {"egress", "resolve", "connect", "proxy", "tls", "send", "receive", "limit"};
  return std::string(kStages[static_cast<int>(answer.error().stage)]) + ": " + answer.error().error.message;
}

}  // namespace plumb::test
