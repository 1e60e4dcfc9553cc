/* SPDX-License-Identifier: Apache-2.0 */

// Downloads LLVM for the building platform, and sets the property llvm.jar: to its path, or, where it is not to be
// had, to its name. It is no dependency of the module: as one it would be every user's, and a build would fail where a
// mirror does not offer it.

import org.eclipse.aether.RepositorySystem
import org.eclipse.aether.artifact.DefaultArtifact
import org.eclipse.aether.resolution.ArtifactRequest
import org.eclipse.aether.resolution.ArtifactResolutionException

String os = System.getProperty('os.name')
String system = os.startsWith('Windows') ? 'windows' : os.startsWith('Mac') ? 'macosx' : os.toLowerCase(Locale.ROOT)
String architecture = [amd64: 'x86_64', aarch64: 'arm64'].withDefault { it }[System.getProperty('os.arch')]
def artifact = new DefaultArtifact('org.bytedeco', 'llvm', "$system-$architecture", 'jar',
    project.properties['llvm.version'])

String jar = artifact
try {
    def request = new ArtifactRequest(artifact, project.remoteProjectRepositories, null)
    jar = session.lookup(RepositorySystem.name).resolveArtifact(session.repositorySession, request).artifact.file
} catch (ArtifactResolutionException e) {
    log.warn(e.message)
}
project.properties['llvm.jar'] = jar
