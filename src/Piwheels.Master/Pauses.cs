namespace Piwheels.Master;

/// <summary>The pauses between the attempts at something that fails for now.</summary>
internal static class Pauses
{
    /// <summary>The pause after the next failure: twice as long as the last, up to the longest.</summary>
    public static TimeSpan Longer(TimeSpan pause, TimeSpan longest) => pause * 2 < longest ? pause * 2 : longest;
}
