#!/usr/bin/env bash
# Makes this checkout ready to build and run: Node, the npm packages, a Vulkan driver that Dawn accepts, and what the
# native CPU device is built with (a compiler, CMake, oneDNN).
#   bash scripts/setup.sh [ROOT]
# Does only what is missing and says so, a line a step. Another ROOT than / is where the tests keep their etc/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

root=${1:-}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

say() { echo "setup: $*"; }
fail() {
  echo "setup: $*" >&2
  exit 1
}
# The output of a step matters only when it fails.
quietly() {
  "$@" >"$log" 2>&1 </dev/null || {
    cat "$log" >&2
    return 1
  }
}

check_node() {
  command -v node >/dev/null || fail "Node 20.9 or newer is needed, and there is no node in PATH; see https://nodejs.org"
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 9) ? 0 : 1)' ||
    fail "Node 20.9 or newer is needed, this is $(node --version); see https://nodejs.org"
}

# Whether node_modules holds what package-lock.json says, by npm's own record of what it installed. A package that is
# optional and not for this machine may be missing.
packages_match() {
  node -e '
    const { existsSync, readFileSync } = require("node:fs")
    const packages = path => JSON.parse(readFileSync(path, "utf8")).packages
    const musl = process.platform === "linux" && !process.report.getReport().header.glibcVersionRuntime
    const here = ({ os = [], cpu = [], libc = [] }) =>
      os.includes(process.platform) && cpu.includes(process.arch) && !libc.includes(musl ? "glibc" : "musl")
    const installed = packages("node_modules/.package-lock.json")
    const missing = Object.entries(packages("package-lock.json")).filter(([path, locked]) => {
      if (path === "" || (locked.optional && !installed[path] && !here(locked))) return false
      return installed[path]?.integrity !== locked.integrity || !existsSync(path)
    })
    process.exit(missing.length > 0 ? 1 : 0)
  ' 2>/dev/null
}

install_packages() {
  if packages_match; then return; fi
  say "installing the npm packages of package-lock.json (npm ci --ignore-scripts)"
  # Without install scripts, because they download; the binaries of webgpu and sharp come inside their packages.
  quietly npm ci --ignore-scripts --include=dev --include=optional --no-audit --no-fund ||
    fail "npm ci failed (its messages are above)"
}

# Sets `adapter` to the name of the WebGPU adapter, or to nothing where there is none. Dawn's object must stay
# referenced: the process crashes when it is collected.
find_adapter() {
  local status=0
  adapter=$(node --input-type=module -e '
    import { create } from "webgpu"
    globalThis.gpu = create([])
    const adapter = await gpu.requestAdapter()
    if (!adapter) process.exit(3)
    console.log(adapter.info.description || adapter.info.device || adapter.info.vendor)
  ' 2>"$log") || status=$?
  if [ "$status" != 0 ] && [ "$status" != 3 ]; then
    cat "$log" >&2
    fail "Dawn, the npm package webgpu, does not run on this machine (exit code $status, its messages are above)"
  fi
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
# Sudo may ask for a password only where somebody can answer.
can_be_root() {
  [ "$(id -u)" = 0 ] && return
  command -v sudo >/dev/null || return 1
  sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; }
}
apt() { quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300 "$@"; }

# Dawn refuses the Mesa of Debian 12 (22.3: "shaderUniform*ArrayDynamicIndexing required"); Mesa 25 of its backports
# works, and so do the versions of newer systems.
install_driver() {
  local system packages='mesa-vulkan-drivers libvulkan1' wanted entry='' file=''
  system=$(. "$root/etc/os-release" 2>/dev/null && echo "${ID:-} ${ID_LIKE:-} ${VERSION_CODENAME:-}") || true
  case " $system " in
    *' bookworm '*)
      wanted="-t bookworm-backports $packages"
      entry=$(node scripts/backports.mjs "${root:-/}") || exit 1
      file=$root/etc/apt/sources.list.d/selfsame-backports.sources
      ;;
    *' debian '* | *' ubuntu '*) wanted=$packages ;;
    *) fail "no WebGPU adapter was found; install a Vulkan driver and loader, Mesa 25 for example" \
      "(Fedora: mesa-vulkan-drivers vulkan-loader; Arch: vulkan-swrast vulkan-icd-loader)" ;;
  esac
  if ! can_be_root; then
    if [ -n "$entry" ]; then printf '%s\n' "Add this to apt's sources, as $file:" "$entry" >&2; fi
    fail "no WebGPU adapter was found, and this is neither root nor a user of sudo; as root, run:" \
      "apt-get update && apt-get install --no-install-recommends $wanted"
  fi
  if [ -n "$entry" ]; then
    say "adding bookworm-backports to apt's sources ($file)"
    as_root tee "$file" >/dev/null <<<"$entry"
  fi
  say "updating apt's package lists"
  # A broken source of somebody else's must not stop us; what matters is whether the packages install.
  apt update || say "apt-get update had errors (above); going on"
  say "installing the driver (apt-get install $wanted)"
  # shellcheck disable=SC2086 # several words on purpose
  apt install --no-install-recommends $wanted || {
    if [ -n "$entry" ]; then as_root rm -f "$file"; fi
    fail "apt-get could not install $packages (its messages are above)"
  }
}

# What the native CPU device is built with, and is missing here.
missing_for_native() {
  local missing=''
  command -v c++ >/dev/null && command -v make >/dev/null || missing+=' build-essential'
  command -v cmake >/dev/null || missing+=' cmake'
  [ -n "$(find "$root"/usr/include "$root"/usr/local/include "$root"/opt/homebrew/include -name dnnl.hpp 2>/dev/null | head -n 1)" ] ||
    missing+=' libdnnl-dev'
  echo "$missing"
}

# Without it everything runs on WebGPU, so that this never fails the set-up.
install_native() {
  local missing
  missing=$(missing_for_native)
  if [ -z "$missing" ]; then return; fi
  if ! command -v apt-get >/dev/null || ! can_be_root; then
    say "the native CPU device will not be built: it needs$missing (apt-get install$missing; brew install cmake onednn;" \
      "vcpkg install onednn)"
    return
  fi
  say "installing what the native CPU device is built with (apt-get install$missing)"
  # shellcheck disable=SC2086 # several words on purpose
  { apt update && apt install --no-install-recommends $missing; } ||
    say "apt-get could not install$missing (above): there will be no native CPU device"
}

if [ -z "${XDG_RUNTIME_DIR:-}" ]; then
  # Mesa looks for a private folder there; src/device/node.ts does the same for the program itself.
  export XDG_RUNTIME_DIR=${TMPDIR:-/tmp}/selfsame-runtime-$(id -u)
  mkdir -p -m 700 "$XDG_RUNTIME_DIR"
fi

check_node
install_packages
find_adapter
if [ -z "$adapter" ]; then
  install_driver
  find_adapter
  [ -n "$adapter" ] || {
    cat "$log" >&2
    fail "there is a Vulkan driver now, and Dawn still finds no adapter that it accepts (its messages are above);" \
      "Mesa 25 is known to work, 22.3 is too old"
  }
fi
install_native
say "ready: Node $(node -p process.versions.node), npm packages as locked, WebGPU adapter $adapter"
