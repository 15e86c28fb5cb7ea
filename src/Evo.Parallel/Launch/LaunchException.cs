namespace Evo.Parallel;

/// <summary>The ranks of a run could not be joined, or the words about them contradict one another; the message is for the person.</summary>
public sealed class LaunchException(string message, Exception? inner = null) : Exception(message, inner);
