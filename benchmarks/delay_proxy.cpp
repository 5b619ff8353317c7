// Adds a round trip to every connection through it, and does not limit the throughput. Prints the port on
// 127.0.0.1 that it listens on, and ends when its standard input does.
//   delay_proxy ADDRESS PORT MILLISECONDS
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include "tests/support/tcp_proxy.h"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  plumb::test::TcpProxy proxy(argv[1], static_cast<std::uint16_t>(std::atoi(argv[2])));
  proxy.delay(std::chrono::microseconds(std::atoi(argv[3]) * 1000 / 2));
  std::cout << proxy.port() << std::endl;
  for (std::string line; std::getline(std::cin, line);) continue;
}
