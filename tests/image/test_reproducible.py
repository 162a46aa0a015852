"""The same commit gives the same bytes, wherever its folder lies."""

import subprocess

from engine import ROOT, run


def test_a_clone_in_another_folder_gives_the_same_image(tmp_path_factory, archive):
    assert not run("git", "-C", ROOT, "status", "--porcelain"), "commit first"
    clone = tmp_path_factory.mktemp("another") / "deeper" / "folder"
    run("git", "clone", "--quiet", ROOT, clone)
    subprocess.run(["make", "--silent", "image"], cwd=clone, check=True, capture_output=True)
    assert (clone / "build/image/rowan.oci.tar").read_bytes() == archive.read_bytes()
