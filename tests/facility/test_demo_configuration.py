"""The demo's configuration may be changed in the demo, and is the shipped one again at the next."""

from facility.config.loading import load
from facility.demo.play import CONFIG, own_copy


def test_a_demo_goes_by_a_copy_that_can_be_written(tmp_path):
    shipped = CONFIG.read_bytes()
    copy = own_copy(tmp_path)
    assert copy.parent == tmp_path
    assert load(copy).model_dump() == load(CONFIG).model_dump()
    copy.write_text("[site]\n")
    copy.chmod(0o400)
    assert own_copy(tmp_path).read_bytes() == shipped == CONFIG.read_bytes()
