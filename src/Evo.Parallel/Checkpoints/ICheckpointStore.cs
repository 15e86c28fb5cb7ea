namespace Evo.Parallel;

/// <summary>
/// Where a run's checkpoints are kept: in a local folder, or behind a port of another kind. A checkpoint is a set of files under
/// its step. All ranks write into its draft; one of them commits it, and until then nobody finds it.
/// </summary>
public interface ICheckpointStore
{
    /// <summary>The place, for messages.</summary>
    string Place { get; }

    /// <summary>
    /// Keeps the place for one run; on its first rank, before <see cref="Open"/>. Of two runs that would save in one place one is
    /// refused: here the second, or, where a store cannot tell whether the first still lives, the first at its next save.
    /// </summary>
    /// <returns>Lets go of it when disposed; null where there is nothing to let go of.</returns>
    /// <exception cref="CheckpointException">Another run has it, or it cannot be written to.</exception>
    IDisposable? Hold();

    /// <summary>Makes the place, removes what a killed run left behind and tries a write, so that a missing permission shows before the first step.</summary>
    /// <exception cref="CheckpointException">It cannot be written to.</exception>
    void Open();

    /// <summary>Steps of all committed checkpoints, newest first, whether or not they are still whole.</summary>
    IReadOnlyList<long> Steps();

    /// <summary>The files of a committed checkpoint.</summary>
    ICheckpointFiles Files(long step);

    /// <summary>The draft of a step's checkpoint; the same one on every rank.</summary>
    ICheckpointDraft Draft(long step);

    /// <summary>Takes a committed checkpoint away: nobody ever finds a part of it.</summary>
    void Remove(long step);
}

/// <summary>The files of a checkpoint, to be read from any thread.</summary>
public interface ICheckpointFiles : IDisposable
{
    /// <summary>The place, for messages.</summary>
    string Place { get; }

    /// <summary>The bytes of a file; null where it is not there.</summary>
    /// <exception cref="Evo.Data.DataException">The store refuses.</exception>
    long? Length(string file);

    /// <summary>Fills a span with a file's bytes from an offset on.</summary>
    /// <exception cref="Evo.Data.DataException">The store refuses, or the file has fewer bytes.</exception>
    void Read(string file, long offset, Span<byte> into);
}

/// <summary>A checkpoint that is being written, seen from one rank.</summary>
/// <remarks>Disposing it frees what this rank holds on its side; nothing of the checkpoint is touched.</remarks>
public interface ICheckpointDraft : IDisposable
{
    /// <summary>A local folder to write files into. What other ranks wrote need not be in it.</summary>
    string Folder { get; }

    /// <summary>Makes the draft, empty; on one rank, before any rank writes.</summary>
    void Begin();

    /// <summary>Files that this rank has written are safe when this returns, from a power cut, too.</summary>
    void Secure(IEnumerable<string> files);

    /// <summary>The bytes of a file that any rank has secured.</summary>
    byte[] ReadSecured(string file);

    /// <summary>Gives the checkpoint its name, without files that are of no use in it; on one rank, when all have secured what they wrote.</summary>
    /// <returns>Its place.</returns>
    string Commit(IEnumerable<string> without);

    /// <summary>Removes everything of the draft; on one rank, when no rank writes any more.</summary>
    void Discard();
}
