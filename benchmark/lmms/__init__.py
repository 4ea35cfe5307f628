"""MammoVQA as tasks of lmms-eval: the same questions, pictures and scores as `bench vqa`."""
