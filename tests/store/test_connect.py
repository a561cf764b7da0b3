"""Where a database may lie."""

from __future__ import annotations

import pytest

from records import StoreError
from store import connect
from store.archive import Archive
from store.desk import Desk
from tests.store.factory import new_ledger


@pytest.mark.parametrize(
    ("mounts", "refused"),
    [
        pytest.param("/dev/sda1 / ext4 rw 0 0\nserver:/x {} nfs4 rw 0 0", True, id="nfs"),
        pytest.param("//server/x {} cifs rw 0 0", True, id="a Windows share"),
        pytest.param("server:/x / nfs4 rw 0 0\n/dev/sda1 {} ext4 rw 0 0", False, id="a local disk under a root on nfs"),
        pytest.param("server:/x {}2 nfs4 rw 0 0", False, id="a share beside it"),
        pytest.param("server:/x {} nfs4 rw 0 0\n/dev/sda1 {} ext4 rw 0 0", False, id="a disk mounted over a share"),
    ],
)
def test_a_database_on_a_network_file_system_is_refused(tmp_path, monkeypatch, mounts, refused):
    """Row S3 of the abuse matrix; nothing is made there, neither for reading nor for writing."""
    folder = tmp_path / "on share"
    folder.mkdir()
    new_ledger(folder).close()
    (tmp_path / "mounts").write_text(mounts.replace("{}", str(folder).replace(" ", "\\040")))
    monkeypatch.setattr(connect, "MOUNTS", tmp_path / "mounts")
    if not refused:
        Desk.open(folder / "watchledger.db").close()
        return
    for opened in (Desk.open, Archive.open):
        with pytest.raises(StoreError, match=r"network file system.*keep it on a local disk"):
            opened(folder / "watchledger.db")
    assert not (folder / "decisions.db").exists()


def test_where_mounts_cannot_be_read_nothing_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(connect, "MOUNTS", tmp_path / "none")
    new_ledger(tmp_path).close()
