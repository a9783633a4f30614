# The first program of the emulated machine: mounts what a system has, runs the checks, switches off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mount -t ext4 /dev/vda /tmp
chmod 1777 /tmp
for word in $(cat /proc/cmdline); do
  case $word in python=*) eval "$word" ;; esac
done
export PYTHONPATH=/tmp/src
"$python" /tmp/cgroup2/guest.py
echo o >/proc/sysrq-trigger
sleep 100
