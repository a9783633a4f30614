"""What programs inside the sandbox begin with."""

PRELUDE = r'''
import ctypes, errno, fcntl, os, signal, socket, struct, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)

def call(number, *args):
    """What a raw system call answers: its result, or the name of the error."""
    ctypes.set_errno(0)
    result = libc.syscall(*(ctypes.c_long(a) if isinstance(a, int) else a for a in (number, *args)))
    return 'ok' if result >= 0 else errno.errorcode[ctypes.get_errno()]

def attempt(action):
    """"ok" or the name of the error of some Python code."""
    try:
        action()
        return 'ok'
    except OSError as e:
        return errno.errorcode.get(e.errno, type(e).__name__)

def expect(name, answer, *allowed):
    """Say what succeeded, or failed in another way than it should."""
    if answer not in (allowed or ('EPERM', 'EACCES', 'ENOSYS')):
        print('SUCCEEDED' if answer == 'ok' else 'UNEXPECTED', name, answer, flush=True)
'''
