using System.Runtime.InteropServices;

namespace Piwheels.Slave.Limits;

/// <summary>What a folder holds on the disk.</summary>
/// <param name="Bytes">Of the disk; each entry counts a block at least, since it takes an inode.</param>
/// <param name="LargestFile">The largest size of a file, holes included, in bytes.</param>
/// <param name="IsTooDeep">Folders are nested deeper than <see cref="DepthMax"/>; what is below was not counted.</param>
internal readonly record struct FolderUsage(long Bytes, long LargestFile, bool IsTooDeep)
{
    /// <summary>
    /// Levels of folders. No build needs as many: a path of them is longer than most programs can take (PATH_MAX).
    /// </summary>
    public const int DepthMax = 400;

    private const int BlockBytes = 512;
    private const int EntryBytesMin = 4_096;
    private const int NameOffset = 19; // struct dirent64: inode, offset, length of the record, type, name
    private const uint OwnerOnly = 0x1C0; // rwx------

    /// <summary>Walks a folder while others work in it; what vanishes meanwhile is passed over.</summary>
    public static FolderUsage Measure(string path)
    {
        var walk = new Walk();
        var folder = FolderCalls.OpenFolder(path);
        if (folder >= 0) walk.Enter(folder, depth: 1);
        return new FolderUsage(walk.Bytes, walk.LargestFile, walk.IsTooDeep);
    }

    private sealed class Walk
    {
        private readonly HashSet<ulong> _linked = [];

        public long Bytes { get; private set; }

        public long LargestFile { get; private set; }

        public bool IsTooDeep { get; private set; }

        public void Enter(int folder, int depth)
        {
            var reading = FolderCalls.ReadFrom(folder);
            if (reading == 0)
            {
                _ = FolderCalls.Close(folder);
                return;
            }

            try
            {
                while (FolderCalls.ReadNext(reading) is not 0 and var entry)
                {
                    // Not as a string: a name need not be UTF-8
                    if (!IsSelfOrParent(entry + NameOffset)) Count(folder, entry + NameOffset, depth);
                }
            }
            finally
            {
                _ = FolderCalls.EndReading(reading);
            }
        }

        private static bool IsSelfOrParent(nint name) =>
            Marshal.ReadByte(name) == '.'
            && (Marshal.ReadByte(name, 1) == 0 || (Marshal.ReadByte(name, 1) == '.' && Marshal.ReadByte(name, 2) == 0));

        private void Count(int folder, nint name, int depth)
        {
            if (!FolderCalls.TryGetStatus(folder, name, out var status)) return;
            var isFolder = (status.Mode & FolderCalls.TypeMask) == FolderCalls.TypeFolder;
            if (!isFolder && !_linked.Add(status.Inode)) return; // Another name of the same file
            Bytes += Math.Max(EntryBytesMin, (long)status.Blocks * BlockBytes);
            if (!isFolder)
            {
                LargestFile = Math.Max(LargestFile, (long)status.Size);
                return;
            }

            if (depth == DepthMax)
            {
                IsTooDeep = true;
                return;
            }

            if (Open(folder, name) is >= 0 and var inner) Enter(inner, depth + 1);
        }

        private static int Open(int folder, nint name)
        {
            var inner = FolderCalls.OpenFolder(folder, name);
            if (inner >= 0 || Marshal.GetLastPInvokeError() != FolderCalls.NotAllowed) return inner;
            _ = FolderCalls.ChangeMode(folder, name, OwnerOnly, 0); // What a build closes still counts
            return FolderCalls.OpenFolder(folder, name);
        }
    }
}
