// The user's cache, and files that one process has at a time. Compiled into each room that keeps something there.
namespace Evo.Native;

/// <summary>The folder <c>$XDG_CACHE_HOME/evo</c>, else <c>~/.cache/evo</c>.</summary>
internal static class UserCache
{
    // errno of a lock that somebody else holds.
    private const int Taken = 11;

    /// <summary>A folder of the cache, which may not be there yet.</summary>
    internal static string Folder(string name)
    {
        // The specification says that a relative path is to be ignored.
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { } own && Path.IsPathFullyQualified(own)
            ? own
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return Path.Combine(cache, "evo", name);
    }

    /// <summary>Waits until no other process has the file, and has it until it is disposed of; the system frees it when the process ends, however it ends.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    internal static FileStream Lock(string path)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException error) when (error.HResult == Taken)
            {
                Thread.Sleep(100);
            }
        }
    }
}
