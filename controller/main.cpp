#include "controller/app/cli.h"
#include "controller/app/hardening.h"

int main(int argc, char** argv) {
  plumb::app::harden_process();
  return plumb::app::run_cli(argc, argv);
}
