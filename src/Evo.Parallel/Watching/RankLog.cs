using System.Globalization;
using System.Text;

namespace Evo.Parallel;

/// <summary>
/// What a rank did, for people: <c>logs/rank-00000.log</c> in the run folder, a line each with the time in UTC. A run that goes on writes
/// on in the same file. Lines may come from any thread; one that cannot be written is lost, for a log must not end a run.
/// </summary>
internal sealed class RankLog : IDisposable
{
    private readonly Lock gate = new();
    private readonly StreamWriter? writer;

    /// <summary>Opens a rank's log in a run folder.</summary>
    internal RankLog(string folder, int rank)
    {
        try
        {
            var logs = Directory.CreateDirectory(Path.Combine(folder, "logs"));
            var path = Path.Combine(logs.FullName, $"rank-{rank:D5}.log");
            writer = new(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite), new UTF8Encoding(false)) { AutoFlush = true };
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            writer = null;
        }
    }

    /// <summary>Adds a line; line breaks in it become spaces.</summary>
    internal void Write(string text)
    {
        lock (gate)
        {
            try
            {
                writer?.WriteLine($"{DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture)} {text.ReplaceLineEndings(" ")}");
            }
            catch (Exception error) when (error is IOException or ObjectDisposedException)
            {
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            try
            {
                writer?.Dispose();
            }
            catch (IOException)
            {
            }
        }
    }
}
