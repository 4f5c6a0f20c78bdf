"""What is done to images: steps that guards put before a model and trainings learn under."""
