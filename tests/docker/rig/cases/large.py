"""A long configuration has a compiled form in /run/countersign, and says what it says all the same."""

import os

from .. import host
from ..accounts import OTTOS_CODE, PASSWORD
from ..case import case
from ..terms import expect
from .limits import STARVED
from .words import answers

RULES = "".join(f'[[exempt]]\nname = "rule {n}"\nusers = ["user{n}"]\n' for n in range(1000))
OTTO = '[[exempt]]\nname = "otto"\nusers = ["otto"]\n'


def kept():
    """The compiled forms."""
    names = os.listdir(host.STATE) if os.path.isdir(host.STATE) else []
    return [f"{host.STATE}/{name}" for name in names if name.startswith("configuration-")]


def is_exempt(world, limits=()):
    """sudo asks otto nothing."""
    mark = world.mark()
    attempt = world.attempt("otto", [*limits, "sudo", "touch", mark], marker=mark)
    attempt.is_let_in("root")
    world.verdict("exempt", "rule", "sudo", user="otto", rule="otto")


def is_asked(world):
    """sudo asks otto for both factors."""
    attempt = world.sudo("otto")
    answers(attempt, PASSWORD, OTTOS_CODE, hidden=r"\[sudo\] password for otto: ")
    attempt.is_let_in("root")
    world.granted("otto", "sudo", "UP,OATH")


def take_out():
    """Takes otto's exemption out; neither the length of the configuration nor its date tells."""
    before = os.stat(host.CONFIGURATION)
    with open(host.CONFIGURATION, "r+", encoding="utf-8") as file:
        text = file.read()
        file.seek(0)
        file.write(text.replace('users = ["otto"]', 'users = ["gone"]'))
    os.utime(host.CONFIGURATION, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = os.stat(host.CONFIGURATION)
    expect((before.st_size, before.st_mtime_ns, before.st_ino) == (after.st_size, after.st_mtime_ns, after.st_ino), "they tell")


@case(also=RULES + OTTO)
def an_exemption_that_is_taken_out_ends_with_the_next_login(world):
    is_exempt(world)
    [file] = kept()
    found = os.stat(file)
    expect((found.st_mode & 0o7777, found.st_uid) == (0o600, host.keeper()), f"{file} is open to others")
    is_exempt(world)
    take_out()
    is_asked(world)
    expect(kept() == [file], f"{kept()} are kept, not {file} alone")
    is_asked(world)


def forge(compiled):
    """What the module would believe, of the configuration as it is now, if it were root's own."""
    head = compiled.index(b"\n") + 1
    with open(host.CONFIGURATION, "rb") as file:
        text = file.read()
    return compiled[:head] + text + compiled[head + len(text):]


@case(also=RULES + OTTO)
def what_another_user_has_put_there_is_not_believed(world):
    is_exempt(world)
    [file] = kept()
    with open(file, "rb") as found:
        compiled = found.read()
    take_out()
    penny = host.uid_of("penny")
    for owner, mode, is_believed in (penny, 0o600, False), (host.keeper(), 0o644, False), (host.keeper(), 0o600, True):
        os.remove(file)
        with open(file, "wb") as other:
            other.write(forge(compiled))
        os.chmod(file, mode)
        os.chown(file, owner, 0)
        (is_exempt if is_believed else is_asked)(world)


@case(also=RULES + OTTO, process_only=True)
def a_caller_who_limits_files_keeps_nothing_and_is_let_in(world):
    for limits in STARVED:
        is_exempt(world, limits)
        expect(not kept(), f"{kept()} is kept under {limits}")
    is_exempt(world)
    expect(len(kept()) == 1, "nothing is kept without limits")
    for limits in STARVED:
        is_exempt(world, limits)
