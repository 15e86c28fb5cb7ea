namespace Evo.Data;

/// <summary>Where a stream of rows stands: everything that is needed to go on with the same rows.</summary>
/// <param name="Epoch">How often all files were read before.</param>
/// <param name="File">The file of the block's first document.</param>
/// <param name="Place">The document's place in it.</param>
/// <param name="Skip">Tokens of that document that earlier rows have taken.</param>
/// <param name="Row">Rows of the block that were given.</param>
public readonly record struct StreamCursor(long Epoch, int File, DocumentPlace Place, int Skip, int Row);
