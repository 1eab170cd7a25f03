"""``python -m proofs``. Imported again by every process that is forked: hence nothing else stands here."""

if __name__ == "__main__":
    from proofs.cli import main

    main()
