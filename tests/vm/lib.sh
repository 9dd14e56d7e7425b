# shellcheck shell=bash
# What the scripts for virtual machines share. To be sourced, from the top of the tree.

. tests/docker/lib.sh

cache=${COUNTERSIGN_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/countersign-vm}

# Prints how QEMU runs a processor here. /dev/kvm can open, answer every call and still run no usual kernel, as in some guests
# of a cloud: a boot sector that counts to 2^26 and then ends QEMU must do so within 4 s, or else the processor is emulated.
processor() {
  local verdict probe status=0
  verdict=$cache/.processor-$(cat /proc/sys/kernel/random/boot_id)
  if [[ ! -s $verdict ]]; then
    probe=$(mktemp)
    {
      printf '\x66\xb9\x00\x00\x00\x04\x66\x49\x75\xfc\xb0\x10\xe6\xf4\xeb\xfe'
      head -c 494 /dev/zero
      printf '\x55\xaa'
    } >"$probe"
    timeout -k 1 4 qemu-system-x86_64 -accel kvm -cpu host,arch-capabilities=off -m 16 -nodefaults -display none \
      -device isa-debug-exit -drive "file=$probe,format=raw" >/dev/null 2>&1 || status=$?
    rm -f "$probe"
    if [[ $status -eq 33 ]]; then
      printf '%s\n' '-accel kvm -cpu host,arch-capabilities=off' >"$verdict"
    else
      printf '%s\n' '-accel tcg,thread=multi -cpu max,la57=off' >"$verdict"
    fi
  fi
  cat "$verdict"
}

# boot IMAGE FOLDER SECONDS KERNEL_ARGUMENTS: boots the image, unpacks the folder there as /opt/rig, runs its script `start` as
# root, and prints what that says. Its status is that of `start`; 124 says that the time is over. The disk is not changed.
# A second console, hvc0, is joined with a port in the machine: who opens the port sits in front of the console.
boot() {
  local status=0 cpu
  read -ra cpu <<<"$(processor)"
  tar -C "$2" -cf "$2.tar" --owner=0 --group=0 .
  timeout --foreground -k 5 "$3" qemu-system-x86_64 -machine q35 "${cpu[@]}" -smp 2 -m 1024 -nodefaults -display none -no-reboot \
    -nic none -kernel "$1/kernel" -initrd "$1/initrd" \
    -append "root=/dev/vda rw fastboot console=ttyS0 panic=-1 mitigations=off nokaslr quiet systemd.show_status=0 $4" \
    -drive "file=$1/disk,format=raw,if=none,id=root,snapshot=on" -device virtio-blk-pci,drive=root \
    -drive "file=$2.tar,format=raw,if=none,id=files,readonly=on" -device virtio-blk-pci,drive=files,serial=files \
    -device virtio-serial-pci -chardev "socket,id=console,path=$2.console,server=on,wait=off" -device virtconsole,chardev=console \
    -chardev "socket,id=seat,path=$2.console" -device virtserialport,chardev=seat,name=seat \
    -chardev "file,id=said,append=on,path=/dev/stdout" -device virtserialport,chardev=said,name=said \
    -chardev "file,id=status,path=$2.status" -device virtserialport,chardev=status,name=status \
    -object rng-random,id=random,filename=/dev/urandom -device virtio-rng-pci,rng=random \
    -serial "file:$2.serial" </dev/null | cat || status=$?
  if [[ -s $2.status ]]; then
    return "$(tr -dc 0-9 <"$2.status")"
  fi
  say "the machine did not come to an end ($status); its console said last:"
  tail -n 30 "$2.serial" >&2
  return $((status ? status : 1))
}
