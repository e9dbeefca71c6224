"""The studio: stacks looked at, fused and compared in the browser (`hyperfocal studio`).

`gate` says who may, `roots` which files; `pictures` and `tiles` make what is looked at, `desk`
holds the stacks that are open, `runner` fuses in a child process (`worker`), `app` serves all that.
It calls the public API of the package alone. Starlette and uvicorn come with the extra `studio`.
"""
