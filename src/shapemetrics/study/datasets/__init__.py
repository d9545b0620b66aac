"""What a study asks of its datasets: one class per kind of dataset."""
