using Evo.Torch;

namespace Evo.Parallel;

/// <summary>The operations of a group of processors: bytes move, and sums are made here.</summary>
/// <param name="group">The group.</param>
/// <param name="line">Its connections.</param>
/// <param name="control">Connections for what must be known of other ranks before data moves.</param>
internal sealed class GlooOperations(ProcessGroup group, C10dLine line, C10dLine control) : C10dOperations(group, line, control);
