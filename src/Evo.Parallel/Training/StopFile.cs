using System.Globalization;

namespace Evo.Parallel;

/// <summary>
/// A file by which a person, or a scheduler, controls a run: N ends and saves it after step N, -N saves it after step N, 0 does
/// nothing. The first rank reads it.
/// </summary>
internal sealed class StopFile
{
    private readonly string path;
    private long? done;

    /// <summary>Makes the file, with 0 in it.</summary>
    /// <exception cref="CheckpointException">It cannot be written.</exception>
    internal StopFile(string path)
    {
        this.path = path;
        try
        {
            File.WriteAllText(path, "0\n");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                CheckpointFault.NotWritten, $"{path}: the stop file cannot be written: {error.Message} Make its folder, or choose another ckpt.stop_file_path.", error);
        }
    }

    /// <summary>What the file asks for after a step: once for each number in it.</summary>
    internal (bool Stop, bool Save) After(long step)
    {
        if (Read() is not { } number || number == done)
        {
            return (false, false);
        }

        if (number > 0 ? step >= number : number < 0 && step >= -number)
        {
            done = number;
            return (number > 0, number < 0);
        }

        return (false, false);
    }

    // Whoever writes the file may be half way: what is no number yet says nothing.
    private long? Read()
    {
        try
        {
            return long.TryParse(File.ReadAllText(path), NumberStyles.AllowLeadingSign | NumberStyles.AllowTrailingWhite | NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture, out var number) ? number : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
