import asyncio
import os
import time

import pytest
from support.processes import wait_until_gone

from llmtui.refactoring.compiling import SETTINGS, compile_component
from llmtui.refactoring.fixtures import FIXTURES, fixture_of
from llmtui.refactoring.toolchain import Toolchain

COUNTER, _, ORDERS = FIXTURES


@pytest.fixture
def compiled(tmp_path):
    """Compile by a program, or by the real compiler; files go to a folder of the test."""
    root = tmp_path / "root"
    root.mkdir()

    async def run(component, toolchain, modules=None, within_s=100.0, memory_mib=1024):
        return await compile_component(
            component,
            modules or {},
            toolchain,
            within_s=within_s,
            memory_mib=memory_mib,
            root=root,
            environ={**os.environ, "NODE_OPTIONS": "--max-old-space-size=9"},
        )

    run.root = root
    return run


def played(tmp_path, program, code):
    """A compiler that is a program of ours."""
    return Toolchain(program("node", code), "22.0.0", tmp_path)


TYPED = fixture_of(COUNTER).expected


@pytest.mark.node
async def test_the_expected_component_compiles_and_leaves_nothing(compiled, vue_tsc):
    fixture = fixture_of(ORDERS)
    assert await compiled(fixture.expected, vue_tsc, fixture.modules) == (True, (), 0, None)
    assert list(compiled.root.iterdir()) == []


@pytest.mark.node
async def test_the_input_does_not_compile_and_its_files_are_kept(compiled, vue_tsc):
    fixture = fixture_of(ORDERS)
    found = await compiled(fixture.input, vue_tsc, fixture.modules)
    assert not found.ok
    assert found.total == len(found.errors) >= 1
    assert any("implicitly has an 'any' type" in error for error in found.errors)
    assert found.errors[0].startswith("line ")
    assert [found.kept] == list(compiled.root.iterdir())
    assert (found.kept / "component.vue").read_text() == fixture.input
    assert "error TS" in (found.kept / "vue-tsc.txt").read_text()


@pytest.mark.node
@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("emit('full')", "emit('ful')", "TS2345"),
        ("ref<number>", "ref<string>", "TS2345"),
        ("{{ label }}", "{{ lable }}", "TS2551"),
        ("step(-1)", "step('a')", "TS2345"),
        ("): void {", ": void {", "TS"),
        ("</template>", "<Unknown /></template>", "TS2339"),
        ("import { computed, ref } from 'vue'", "import { computed, ref } from 'react'", "TS2307"),
    ],
)
async def test_an_error_anywhere_in_the_component_is_seen(compiled, vue_tsc, old, new, error):
    assert TYPED.count(old) == 1
    found = await compiled(TYPED.replace(old, new), vue_tsc)
    assert not found.ok
    assert any(error in each for each in found.errors), found.errors


@pytest.mark.node
async def test_a_type_without_end_is_stopped_by_time_or_memory(compiled, vue_tsc):
    found = await compiled(TYPED, vue_tsc, memory_mib=32)
    assert not found.ok
    assert found.errors == ("the compiler needs more than 32 MiB of memory",)


OFF = {
    "@ts-nocheck": TYPED.replace("import {", "// @ts-nocheck\nimport {"),
    "@ts-ignore": TYPED.replace("function step", "/* @ts-ignore */\nfunction step"),
    "@ts-expect-error": TYPED.replace("  count.value = next", "  // @ts-expect-error\n  count.value = next"),
    "@vue-ignore": TYPED.replace("<span>", "<!-- @vue-ignore -->\n<span>"),
    "@vue-nocheck": f"<!-- @vue-nocheck -->\n{TYPED}",
}


@pytest.mark.parametrize("comment", OFF)
async def test_checks_that_are_switched_off_are_no_success(compiled, node, tmp_path, comment):
    assert OFF[comment] != TYPED
    found = await compiled(OFF[comment], Toolchain(node, "22.0.0", tmp_path))
    assert (found.ok, found.errors) == (False, (f"the checks are switched off by `{comment}`",))
    assert list(compiled.root.iterdir()) == []


async def test_a_string_that_speaks_of_it_switches_nothing_off(compiled, program, tmp_path):
    text = TYPED.replace("const count", "const help = '// @ts-nocheck'\nconst count")
    assert (await compiled(text, played(tmp_path, program, "pass"))).ok


async def test_a_part_in_another_file_is_refused(compiled, node, tmp_path):
    found = await compiled('<script setup lang="ts" src="../../secret.ts"></script>', Toolchain(node, "22", tmp_path))
    assert found.errors == ("a part of the component stands in another file",)


async def test_the_compiler_is_given_strict_settings_its_limit_and_a_folder_of_its_own(compiled, program, tmp_path):
    code = (
        "assert sys.argv[1] == '--max-old-space-size=77', sys.argv\n"
        "assert sys.argv[2].endswith('node_modules/vue-tsc/bin/vue-tsc.js')\n"
        "assert os.getsid(0) == os.getpgrp() == os.getpid()\n"
        "assert 'NODE_OPTIONS' not in os.environ\n"
        "settings = json.loads(pathlib.Path('tsconfig.json').read_text())\n"
        "assert settings['compilerOptions']['strict'] and settings['compilerOptions']['noEmit']\n"
        "assert pathlib.Path('orders.ts').read_text() and pathlib.Path('component.vue').read_text()\n"
        "assert sys.stdin.read() == ''\n"
    )
    fixture = fixture_of(ORDERS)
    found = await compiled(fixture.expected, played(tmp_path, program, code), fixture.modules, memory_mib=77)
    assert found.ok, (found.kept / "vue-tsc.txt").read_text()
    assert SETTINGS["vueCompilerOptions"]["strictTemplates"]


async def test_the_compiler_lets_others_go_first(compiled, program, tmp_path):
    code = "while os.nice(0) < 10: time.sleep(0.01)"
    assert (await compiled(TYPED, played(tmp_path, program, code))).ok


async def test_errors_are_told_without_acting_and_not_at_length(compiled, program, tmp_path):
    line = "component.vue(3,1): error TS2322: \x1b[2JType 'a' " + "x" * 500
    code = f"print({line!r})\nprint('  more')\nprint('error TS18003: none')\nsys.exit(2)"
    found = await compiled(TYPED, played(tmp_path, program, code))
    assert found.total == 2
    assert found.errors[0].startswith("line 3: ")
    assert found.errors[1] == "none (TS18003)"
    assert all(error.isprintable() and len(error) < 240 for error in found.errors)


async def test_a_compiler_that_breaks_is_no_success(compiled, program, tmp_path):
    found = await compiled(TYPED, played(tmp_path, program, "sys.exit('TypeError: x')"))
    assert found.errors == ("the compiler ended with code 1 and named no error",)
    assert (found.kept / "component.vue").read_text() == TYPED


async def test_a_compiler_that_hangs_is_stopped_with_all_that_it_started(compiled, program, tmp_path):
    code = (
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"pathlib.Path({str(tmp_path / 'child')!r}).write_text(str(child.pid))\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)"
    )
    found = await compiled(TYPED, played(tmp_path, program, code), within_s=10)
    assert found.errors == ("the compiler was not done after 10 s and was stopped",)
    await wait_until_gone(int((tmp_path / "child").read_text()))


async def test_what_a_compiler_left_running_ends_with_it(compiled, program, tmp_path):
    code = (
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"pathlib.Path({str(tmp_path / 'child')!r}).write_text(str(child.pid))"
    )
    assert (await compiled(TYPED, played(tmp_path, program, code))).ok
    await wait_until_gone(int((tmp_path / "child").read_text()))


async def test_cancelling_ends_the_compiler_and_leaves_nothing(compiled, program, tmp_path):
    started = tmp_path / "started"
    code = f"pathlib.Path({str(started)!r}).write_text(str(os.getpid()))\ntime.sleep(600)"
    task = asyncio.create_task(compiled(TYPED, played(tmp_path, program, code)))
    deadline = time.monotonic() + 60
    while not (started.exists() and started.read_text()) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await wait_until_gone(int(started.read_text()))
    assert list(compiled.root.iterdir()) == []


async def test_a_program_that_cannot_be_run_is_an_error_of_the_system(compiled, tmp_path):
    with pytest.raises(FileNotFoundError):
        await compiled(TYPED, Toolchain(str(tmp_path / "nowhere"), "22.0.0", tmp_path))
    assert list(compiled.root.iterdir()) == []
