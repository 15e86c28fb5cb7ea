namespace Evo.Parallel;

/// <summary>Training cannot go on: the gradient stayed infinite or not a number, or configuration, data and tokenizer do not fit each other.</summary>
public sealed class TrainingException(string message) : Exception(message);
