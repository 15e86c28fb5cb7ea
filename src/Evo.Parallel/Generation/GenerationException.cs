namespace Evo.Parallel;

/// <summary>Text cannot be generated; the message says where, what was found, the rule and what would be right.</summary>
public sealed class GenerationException(string message) : Exception(message);
