import gc

import pytest

from llmtui.collector import collector_off, loading


@pytest.fixture
def unfrozen():
    gc.unfreeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize(("manager", "frozen"), [(loading, True), (collector_off, False)])
def test_it_is_off_while_modules_are_loaded_and_never_walks_them(unfrozen, manager, frozen, enabled):
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with manager():
            assert not gc.isenabled()
            made = [[] for _ in range(1000)]
        assert gc.isenabled() is enabled
        assert (gc.get_freeze_count() >= len(made)) is frozen
    finally:
        (gc.enable if before else gc.disable)()


def test_what_can_not_be_loaded_leaves_it_as_it_was(unfrozen):
    def load():
        with loading():
            raise ImportError("absent")

    before = gc.isenabled()
    with pytest.raises(ImportError, match="absent"):
        load()
    assert (gc.isenabled(), gc.get_freeze_count()) == (before, 0)
