"""Data sets × methods × metrics: every run a whole process, every result kept.

```
scenes ─▶ contenders ─▶ processes ─▶ runs ─▶ tables, figures, sheets
 files     command lines   measured     rows    what people read
```

`cache` keeps what was found, `fingerprints` says what it depends on. Fuses nothing itself: our own
methods are run as `python -m hyperfocal fuse`, under the conditions of all other programs.
"""
